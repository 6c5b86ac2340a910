"""From the text of an expression to its tokens: numbers, texts, names, signs."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 1000
"""Characters of an expression."""


class Misspelt(ValueError):  # noqa: N818 - reads as what it is where it is raised
    """A text that is no expression: `what` is wrong at a character, and what to do `next`.

    Attributes:
        offset: of the character in the text, from 0; its length, where something is missing at
            its end.
        what, next: translated.
    """

    def __init__(self, offset: int, what: str, next_: str) -> None:
        super().__init__(f"{offset}: {what}: {next_}")
        self.offset = offset
        self.what = what
        self.next = next_


class Sort(StrEnum):
    """What a token is."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    WORD = "word"
    SIGN = "sign"
    END = "end"


class Token(NamedTuple):
    """A piece of an expression and the character at which it begins."""

    sort: Sort
    text: str
    offset: int


WORDS = frozenset({"and", "or", "not", "if", "else", "true", "false"})
"""Names that no signal can have in an expression."""

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<text>"[^"\n]*"|'[^'\n]*')
  | (?P<sign>==|!=|<=|>=|[-+*/%()<>,])
    """,
    re.VERBOSE,
)

_MEANT = {
    "=": "==",
    "<>": "!=",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
    "×": "*",
    "·": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "^": "*",
    "?": "a if c else b",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "、": ",",
    "。": ".",
    "{": "(",
    "[": "(",
    "}": ")",
    "]": ")",
}
"""What people write for the signs of this language, and what to write."""

_WIDE = range(0xFF01, 0xFF5F)
"""Full-width forms of ASCII characters, as a Chinese keyboard gives them."""
_WIDE_SHIFT = 0xFEE0


def tokens(text: str) -> Iterator[Token]:
    """Cut an expression into tokens; the last is of the sort `END`.

    Raises:
        Misspelt: the text is too long, or a character has no meaning here.
    """
    if len(text) > LONGEST:
        what = _("the expression is longer than {n} characters").format(n=LONGEST)
        raise Misspelt(LONGEST, what, _("make two signals of it"))
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _stranger(text, place)
        if found.lastgroup == "name" and found[0] in WORDS:
            yield Token(Sort.WORD, found[0], place)
        elif found.lastgroup != "space":
            yield Token(Sort(str(found.lastgroup)), found[0], place)
        place = found.end()
    yield Token(Sort.END, "", len(text))


def _stranger(text: str, place: int) -> Misspelt:
    """Say what a character that begins no token was probably meant to be."""
    character = text[place]
    if character in "\"'":
        what = _("the text that begins here has no end")
        return Misspelt(place, what, _("write {quote} after it").format(quote=character))
    for wrong in (text[place : place + 2], character):
        if wrong in _MEANT:
            what = _("{sign} has no meaning here").format(sign=wrong)
            return Misspelt(place, what, _("write {sign}").format(sign=_MEANT[wrong]))
    if ord(character) in _WIDE:
        plain = chr(ord(character) - _WIDE_SHIFT)
        what = _("{sign} is a full-width character").format(sign=character)
        return Misspelt(place, what, _("write {sign}").format(sign=_MEANT.get(plain, plain)))
    what = _("{sign} has no meaning here").format(
        sign=character if character.isprintable() else f"U+{ord(character):04X}"
    )
    next_ = _("use names of signals, numbers, texts in quotes, and + - * / % ( )")
    return Misspelt(place, what, next_)
