"""What a YAML syntax error means, in plain words.

The parser says what it could not go on with; people want to know what they typed. Each of its
phrases has one or two usual causes in files that are written by hand, and those are named here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.errors import Fault
from gateway.words import _

if TYPE_CHECKING:
    import yaml

_WIDE = {"：": ":", "，": ",", "｛": "{", "｝": "}", "［": "[", "］": "]", "“": '"', "”": '"'}
"""Full-width punctuation that a Chinese input method leaves in a file."""


def syntax_fault(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Turn a parser's error into a fault.

    Args:
        error: as PyYAML's C parser raised it.
        text: what it was reading.
        file: its path, for the fault.
    """
    lines = text.splitlines() or [""]
    mark = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None) or mark
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", error))
    row, column = (mark.line, mark.column) if mark else (0, 0)
    opened = began.line if began else row
    # An unclosed quote or bracket is noticed only further down; it began where it began.
    tabbed = next((n for n in range(opened, min(row + 2, len(lines))) if _tab(lines[n])), None)
    if tabbed is not None:
        return _tab_fault(lines, tabbed, file)
    if row >= len(lines):
        row, column = len(lines) - 1, len(lines[-1])
    what, next_, place = _explain(problem, lines, row, column, opened, began)
    return Fault(file, place[0] + 1, place[1] + 1, "syntax", what, next_)


def _tab(line: str) -> bool:
    return "\t" in line[: len(line) - len(line.lstrip())]


def _tab_fault(lines: list[str], row: int, file: str) -> Fault:
    others = sum(map(_tab, lines)) - 1
    what = _("this line is indented with a tab")
    if others:
        what = _("this line is indented with a tab, as are {n} more").format(n=others)
    next_ = _("indent with spaces, two per level; most editors can convert tabs")
    return Fault(file, row + 1, lines[row].index("\t") + 1, "tab", what, next_)


def _explain(problem, lines, row, column, opened, began):
    return problem, "", (row, column)
