"""Where a character of a text stands in the YAML file that holds it.

A text may be plain, quoted with its escapes, folded over lines or a block; a message about one
character of it points at that character. Where the file and the text don't agree, the place of
the text has to do.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x..|u....|U........|\n[ \t]*|.)", re.DOTALL)
_FOLD = re.compile(r"[ \t\r]*\n[ \t\r\n]*")
_HEADER = re.compile(r"[|>][^\n]*\n *")


def place_of(text: str, line: int, column: int, value: str, offset: int) -> tuple[int, int]:
    """Find line and column of a character.

    Args:
        text: of the file.
        line: where the value begins, from 1.
        column: the same, in characters.
        value: what it says.
        offset: of the character in it, from 0; its length stands for the place behind it.
    """
    begin = _index(text, line, column)
    at = _follow(text, begin, value, offset)
    if at is None:
        return line, column
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _index(text: str, line: int, column: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
    return at + column - 1


def _follow(text: str, at: int, value: str, offset: int) -> int | None:
    """Read file and value side by side up to the character; None where they differ."""
    quote = text[at : at + 1]
    if quote in {'"', "'"}:
        at += 1
    elif header := _HEADER.match(text, at):
        at = header.end()
    done = 0
    while done < offset:
        fold = _FOLD.match(text, at)
        if fold and value[done].isspace():
            at = fold.end()
            done += len(value[done:]) - len(value[done:].lstrip())
        elif quote == '"' and (escape := _ESCAPE.match(text, at)):
            at = escape.end()
            done += "\n" not in escape[0]
        elif text[at : at + 1] == value[done]:
            at += 2 if quote == "'" and text.startswith("''", at) else 1
            done += 1
        else:
            return None
    return at
