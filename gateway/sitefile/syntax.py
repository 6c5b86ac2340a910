"""What a YAML syntax error means, in plain words.

The parser says what it could not go on with; people want to know what they typed. Each of its
phrases has one or two usual causes in files that are written by hand, and those are named here.
Nothing of the file is repeated but single characters: what stands there may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import Fault
from gateway.words import _

if TYPE_CHECKING:
    import yaml

_WIDE = {"：": ":", "，": ",", "｛": "{", "｝": "}", "［": "[", "］": "]", "“": '"', "”": '"'}
"""Full-width punctuation that a Chinese input method leaves in a file."""
_NO_SPACE = re.compile(r"^\s*(?:- )?[\w.-]+:(?=[^\s/])")
"""A key whose colon has no space behind it; `mqtt://` is not one."""

Found = tuple[int, int, str, str]
"""Row and column from 0, what is wrong, what next."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Where the parser stood.

    Attributes:
        problem: its own words.
        row, column: where it gave up, from 0.
        began_row, began_column: where the construct began that it was in.
    """

    problem: str
    lines: list[str]
    row: int
    column: int
    began_row: int
    began_column: int

    @property
    def line(self) -> str:
        return self.lines[self.row]

    @property
    def indent(self) -> int:
        return len(self.line) - len(self.line.lstrip(" "))

    def above(self) -> int:
        """Return the row of the nearest line above that holds more than a comment."""
        rows = range(self.row - 1, -1, -1)
        return next((n for n in rows if self.lines[n].strip() and not _comment(self.lines[n])), 0)


def syntax_fault(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Turn a parser's error into a fault.

    Args:
        error: as PyYAML's C parser raised it.
        text: what it was reading.
        file: its path, for the fault.
    """
    # The parser counts these three as line ends, and no more; so do editors.
    lines = re.split(r"\r\n|\r|\n", text)
    mark = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None) or mark
    row, column = (mark.line, mark.column) if mark else (0, 0)
    began_row, began_column = (began.line, began.column) if began else (row, column)
    if row >= len(lines):
        row, column = len(lines) - 1, len(lines[-1])
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", error))
    trouble = _Trouble(problem, lines, row, column, min(began_row, row), began_column)
    tab = _tab(trouble)
    row, column, what, next_ = tab or _wide(trouble) or _cause(trouble)
    code = "tab" if tab else "too-deep" if "nesting" in problem else "syntax"
    return Fault(file, row + 1, column + 1, code, what, next_)


def _cause(trouble: _Trouble) -> Found:
    for phrase, explain in (
        ("mapping values are not allowed", _stray_colon),
        ("could not find expected ':'", _no_colon),
        ("did not find expected key", _stray),
        ("<document start>", _stray),
        ("did not find expected ','", _open_bracket),
        ("expected node content", _open_bracket),
        ("unexpected end of stream", _open_quote),
        ("cannot start any token", _odd_character),
        ("unknown escape character", _escape),
        ("block sequence entries", _stray_dash),
        ("nesting", _deep),
        ("expected alphabetic", _needs_quotes),
        ("tag", _needs_quotes),
        ("comment or line break", _needs_quotes),
    ):
        if phrase in trouble.problem:
            return explain(trouble)
    what = _("this is not YAML ({problem})").format(problem=trouble.problem)
    return trouble.row, trouble.column, what, _("compare the line with those around it")


def _tab(trouble: _Trouble) -> Found | None:
    """Find a tab in the indentation, which YAML forbids outside brackets."""
    if "','" in trouble.problem or "end of stream" in trouble.problem:
        return None
    tabbed = [n for n, line in enumerate(trouble.lines) if "\t" in _indentation(line)]
    row = next((n for n in (trouble.row, trouble.above()) if n in tabbed), None)
    if row is None:
        return None
    what = _("this line is indented with a tab")
    if len(tabbed) > 1:
        what = _("{n} lines are indented with tabs, such as this one").format(n=len(tabbed))
    next_ = _("indent with spaces, two for each level; editors can convert tabs")
    return row, trouble.lines[row].index("\t"), what, next_


def _wide(trouble: _Trouble) -> Found | None:
    """Find full-width punctuation just before the place where the parser gave up."""
    if "','" not in trouble.problem and ":" not in trouble.problem + trouble.line:
        return None
    above = trouble.above()
    for row, text in ((trouble.row, trouble.line[: trouble.column]), (above, trouble.lines[above])):
        hit = next((n for n, char in enumerate(text) if char in _WIDE), None)
        if hit is not None and not _NO_SPACE.match(text):
            wide = text[hit]
            what = _("{wide} is a full-width character, which YAML takes for text").format(
                wide=wide
            )
            next_ = _("type {plain} with the keyboard set to English").format(plain=_WIDE[wide])
            return row, hit, what, next_
    return None


def _stray_colon(trouble: _Trouble) -> Found:
    row, line = trouble.row, trouble.line
    if re.search(r":\s", line[: trouble.column]):
        what = _("a second colon in one line")
        return row, trouble.column, what, _("put a value that holds a colon and a space in quotes")
    above = trouble.above()
    if match := _NO_SPACE.match(trouble.lines[above]):
        return _missing_space(above, match.end())
    if ":" not in trouble.lines[above]:
        what = _("this line is neither a key with a value nor a list item")
        return above, len(_indentation(trouble.lines[above])), what, _("write key: value")
    what = _("this line is indented deeper than the one above, which already has its value")
    next_ = _("align it with the line above; keys of one level begin in one column")
    return row, trouble.indent, what, next_


def _no_colon(trouble: _Trouble) -> Found:
    row = trouble.began_row
    if match := _NO_SPACE.match(trouble.lines[row]):
        return _missing_space(row, match.end())
    what = _("this line is neither a key with a value nor a list item")
    return row, trouble.began_column, what, _("write key: value")


def _missing_space(row: int, column: int) -> Found:
    return row, column, _("no space after the colon"), _("write key: value, with a space between")


def _stray(trouble: _Trouble) -> Found:
    """Explain something that is no key where a key should begin."""
    if trouble.column > trouble.indent:
        what = _("something follows here although the value has ended")
        next_ = _("put the whole value in quotes, or delete a quote or bracket too many")
    elif trouble.line.lstrip().startswith("- "):
        what = _("a list item among keys")
        next_ = _("give the list a key of its own, or delete the dash")
    else:
        what = _("the indentation of this line fits no line above")
        next_ = _("align it with the keys that it belongs to; use two spaces for each level")
    return trouble.row, trouble.column, what, next_


def _open_bracket(trouble: _Trouble) -> Found:
    began = trouble.lines[trouble.began_row]
    bracket = began[trouble.began_column : trouble.began_column + 1]
    if bracket not in ("{", "["):
        what = _("the file ends before a bracket is closed")
        return trouble.row, trouble.column, what, _("close every { with } and every [ with ]")
    close = {"{": "}", "[": "]"}[bracket]
    what = _("the {bracket} of line {line} is not closed, or a comma is missing").format(
        bracket=bracket, line=trouble.began_row + 1
    )
    next_ = _("write a comma between two entries and {close} after the last").format(close=close)
    return trouble.row, trouble.column, what, next_


def _open_quote(trouble: _Trouble) -> Found:
    what = _("the quote that opens here is never closed")
    return trouble.began_row, trouble.began_column, what, _("close it at the end of the text")


def _odd_character(trouble: _Trouble) -> Found:
    what = _("a value can't begin with {char}").format(char=trouble.line[trouble.column :][:1])
    return trouble.row, trouble.column, what, _("put the value in quotes")


def _needs_quotes(trouble: _Trouble) -> Found:
    what = _("text that begins with {char} means something else in YAML").format(
        char=trouble.lines[trouble.began_row][trouble.began_column :][:1]
    )
    return trouble.began_row, trouble.began_column, what, _("put the value in quotes")


def _escape(trouble: _Trouble) -> Found:
    what = _("in double quotes a backslash begins an escape, and there is none like this")
    next_ = _("use single quotes, in which a backslash is a backslash")
    return trouble.row, trouble.column, what, next_


def _stray_dash(trouble: _Trouble) -> Found:
    what = _("a list can't begin behind a key in the same line")
    next_ = _("begin each item on a line of its own, or write [a, b]")
    return trouble.row, trouble.column, what, next_


def _deep(trouble: _Trouble) -> Found:
    what = _("more brackets within each other than any site file needs")
    return trouble.row, trouble.column, what, _("look for brackets that are never closed")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _comment(line: str) -> bool:
    return line.lstrip().startswith("#")
