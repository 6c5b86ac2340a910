"""From the text of an expression to its tree: a parser by binding powers, after Pratt.

    weakest first           a if c else b
                            or
                            and
                            not
                            == != < <= > >=     two at a time
                            + -
                            * / %
    strongest last          - + before a value

What stands at one level is taken from left to right; `a if c else b` from right to left. An
expression is short and its tree is not deep, so neither reading nor computing it can run away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.deriving.tokens import Misspelt, Sort, Token, tokens
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Value

DEEPEST = 60
"""Levels of a tree."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing with a value.

    Attributes:
        does: `number`, `text`, `truth`, `name`; a sign of two (`+`, `==`, `and`, …); a sign of
            one (`negative`, `positive`, `not`); `if`; or the name of a function.
        parts: what it is made of, in their order; of `if` the condition first.
        offset: the character at which it is spelled.
        value: of a constant; the name, for `name`.
        depth: levels of the tree from here down.
    """

    does: str
    offset: int
    parts: tuple[Node, ...] = ()
    value: Value = None
    depth: int = 1


FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "min": (1, None),
    "max": (1, None),
    "abs": (1, 1),
    "round": (1, 2),
    "floor": (1, 1),
    "sqrt": (1, 1),
}
"""Function → how many values it takes, at least and at most."""

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
_POWERS = {
    "if": 10,
    "or": 20,
    "and": 30,
    **dict.fromkeys(COMPARISONS, 50),
    "+": 60,
    "-": 60,
    "*": 70,
    "/": 70,
    "%": 70,
}
"""How strongly a sign between two values binds them."""
_PREFIXES = {"not": ("not", 40), "-": ("negative", 80), "+": ("positive", 80)}
"""Sign before a value → what it does, and how strongly it binds."""
_OPEN, _CLOSE = "(", ")"


def parse(text: str) -> Node:
    """Read an expression.

    Raises:
        Misspelt: with the character at which it stops making sense.
    """
    reader = _Reader(list(tokens(text)))
    tree = reader.expression(0)
    if reader.here.text == _CLOSE:
        what = _("this parenthesis closes none")
        raise Misspelt(reader.here.offset, what, _("delete it, or open one before"))
    if reader.here.sort is not Sort.END:
        raise reader.unfitting(_("write + - * / or another sign before it"))
    return tree


class _Reader:
    """Goes over the tokens once."""

    def __init__(self, row: list[Token]) -> None:
        self._row = row
        self._place = 0
        self._levels = 0

    @property
    def here(self) -> Token:
        return self._row[self._place]

    def unfitting(self, next_: str) -> Misspelt:
        """Say that the token here doesn't fit."""
        if self.here.sort is Sort.END:
            return Misspelt(self.here.offset, _("something is missing at the end"), next_)
        what = _("{sign} doesn't fit here").format(sign=self.here.text)
        return Misspelt(self.here.offset, what, next_)

    def expression(self, power: int) -> Node:
        """Read what binds more strongly than `power`."""
        self._levels += 1
        if self._levels > DEEPEST:
            raise _too_deep(self.here.offset)
        left = self._first()
        while True:
            token = self.here
            binds = _POWERS.get(token.text, 0) if token.sort in {Sort.SIGN, Sort.WORD} else 0
            if binds <= power:
                break
            left = self._further(left, self._next(), binds)
        self._levels -= 1
        return left

    def _next(self) -> Token:
        token = self.here
        self._place += token.sort is not Sort.END
        return token

    def _first(self) -> Node:
        """Read what begins with a value, or with a sign before one."""
        token = self.here
        if token.sort is Sort.NUMBER:
            return Node("number", self._next().offset, value=_number(token))
        if token.sort is Sort.TEXT:
            return Node("text", self._next().offset, value=token.text[1:-1])
        if token.sort is Sort.NAME:
            self._next()
            if self.here.text == _OPEN:
                return self._call(token)
            return Node("name", token.offset, value=token.text)
        if token.text in {"true", "false"}:
            return Node("truth", self._next().offset, value=token.text == "true")
        return self._prefixed(token)

    def _prefixed(self, token: Token) -> Node:
        if token.text == _OPEN:
            self._next()
            inner = self.expression(0)
            self._close(token)
            return inner
        if token.text in _PREFIXES:
            does, power = _PREFIXES[self._next().text]
            return _made(does, token.offset, self.expression(power))
        if token.text == "if":
            return self._if_call(self._next())
        raise self.unfitting(_("a signal or a number belongs here"))

    def _further(self, left: Node, token: Token, binds: int) -> Node:
        """Go on from a value with the sign after it."""
        if token.text == "if":
            condition = self.expression(binds)
            if self.here.text != "else":
                raise self.unfitting(_("write a if c else b"))
            self._next()
            return _made("if", token.offset, condition, left, self.expression(binds - 1))
        right = self.expression(binds)
        if token.text in COMPARISONS and self.here.text in COMPARISONS:
            what = _("three values can't be compared at once")
            raise Misspelt(self.here.offset, what, _("write a < b and b < c"))
        return _made(token.text, token.offset, left, right)

    def _call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            what = _("there is no function {name}").format(name=name.text)
            known = ", ".join((*FUNCTIONS, "if"))
            raise Misspelt(name.offset, what, _("there are: {known}").format(known=known))
        least, most = FUNCTIONS[name.text]
        parts = self._arguments()
        if not least <= len(parts) <= (most or len(parts)):
            wanted = f"≥ {least}" if most is None else f"{least}–{most}" if most > least else least
            raise _wrong_number(name, wanted, parts)
        return _made(name.text, name.offset, *parts)

    def _if_call(self, name: Token) -> Node:
        if self.here.text != _OPEN:
            raise self.unfitting(_("write if(c, a, b), or a if c else b"))
        parts = self._arguments()
        if len(parts) != 3:  # noqa: PLR2004 - the condition, and a value for each case
            raise _wrong_number(name, 3, parts)
        return _made("if", name.offset, *parts)

    def _arguments(self) -> list[Node]:
        opened = self._next()
        if self.here.text == _CLOSE:
            self._next()
            return []
        parts = [self.expression(0)]
        while self.here.text == ",":
            self._next()
            parts.append(self.expression(0))
        self._close(opened)
        return parts

    def _close(self, opened: Token) -> None:
        if self.here.text == _CLOSE:
            self._next()
        elif self.here.sort is Sort.END:
            what = _("this parenthesis is never closed")
            raise Misspelt(opened.offset, what, _("write ) where it ends"))
        else:
            raise self.unfitting(_("write ) or a sign before it"))


def _made(does: str, offset: int, *parts: Node) -> Node:
    """Join parts.

    Raises:
        Misspelt: the tree is too deep, or a text stands where only a number can.
    """
    if does not in COMPARISONS and does != "if":
        for part in parts:
            if part.does == "text":
                raise _text_in(part)
    elif does == "if" and parts[0].does == "text":
        raise _text_in(parts[0])
    depth = 1 + max(part.depth for part in parts)
    if depth > DEEPEST:
        raise _too_deep(offset)
    return Node(does, offset, parts, depth=depth)


def _text_in(part: Node) -> Misspelt:
    what = _("a text can be compared, and nothing else")
    return Misspelt(part.offset, what, _('write e.g. state == "run"'))


def _too_deep(offset: int) -> Misspelt:
    what = _("the expression is nested more than {n} deep").format(n=DEEPEST)
    return Misspelt(offset, what, _("make two signals of it"))


def _wrong_number(name: Token, wanted: int | str, parts: list[Node]) -> Misspelt:
    what = _("{name} takes {wanted} values, not {count}").format(
        name=name.text, wanted=wanted, count=len(parts)
    )
    example = {"if": "if(c, a, b)", "round": "round(a, 1)", "min": "min(a, b)", "max": "max(a, b)"}
    next_ = _("write e.g. {example}").format(example=example.get(name.text, f"{name.text}(a)"))
    return Misspelt(name.offset, what, next_)


def _number(token: Token) -> int | float:
    """The number that a token spells.

    Raises:
        Misspelt: no machine number is as large.
    """
    if token.text.isdigit() and len(token.text) <= 15:  # noqa: PLR2004 - exact as a float too
        return int(token.text)
    value = float(token.text)
    if math.isinf(value):
        raise Misspelt(token.offset, _("the number is too large"), _("write a smaller one"))
    return value
