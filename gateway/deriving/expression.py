"""A small language for what can be computed from signals: `is: "phase_a + phase_b"`.

    values      12   0.5   1e3   "text"   'text'   true   false
    names       of signals; in the figures of a record with dots, e.g. time_s.run
    signs       + - * / %    == != < <= > >=    and or not    ( )
    choice      a if c else b, or if(c, a, b)
    functions   min(a, …)  max(a, …)  abs(a)  round(a)  round(a, digits)  floor(a)  sqrt(a)

A signal that can't be read has no value (None), nor has what is computed from it, nor a division
by zero, the root of a negative number, a result beyond the range of a float, or a text where a
number is needed. Only what doesn't depend on it has one: `false and x`, `true or x`, and the
branch that a choice takes. Nothing that is evaluated raises.

`true` counts as 1 where a number is needed, and any number but 0 is true. % has the sign of its
right side; a half is rounded away from zero. A text equals only a text.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from gateway.deriving.syntax import ARITHMETIC, COMPARISONS, Node, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.model import Value

    Values = Mapping[str, Value]
    Compute = Callable[[Values], Value]

EXACT = 1 << 53
"""Beyond this a whole number becomes a float, as JSON's readers have it anyway."""
MOST_DIGITS = 12
"""Digits that `round` takes."""
_FAULTS = (TypeError, ZeroDivisionError, OverflowError, ValueError)


class Expression:
    """An expression, ready to be evaluated.

    Args:
        text: as written.

    Raises:
        Misspelt: it is none, with the character at which it stops making sense.

    Attributes:
        text: as written.
        names: what it needs, in the order in which they appear.
        places: each of them → the first character at which it stands.
    """

    __slots__ = ("_compute", "names", "places", "text")

    def __init__(self, text: str) -> None:
        tree = parse(text)
        self.text = text
        self.places: dict[str, int] = {}
        for node in _names(tree):
            place = self.places.get(str(node.value), node.offset)
            self.places[str(node.value)] = min(place, node.offset)
        self.names = tuple(sorted(self.places, key=self.places.__getitem__))
        self._compute = _compiled(tree)

    def evaluate(self, values: Values) -> Value:
        """Compute it from the values of its names; None where it has none."""
        value = self._compute(values)
        if value.__class__ is int and not -EXACT <= value <= EXACT:
            try:
                return float(value)
            except OverflowError:
                return None
        return value


def _names(node: Node) -> Iterator[Node]:
    if node.does == "name":
        yield node
    for part in node.parts:
        yield from _names(part)


def _compiled(node: Node) -> Compute:
    """Make the function that computes a node."""
    if node.does in {"number", "text", "truth"}:
        constant = node.value
        return lambda _values: constant
    if node.does == "name":
        return _named(str(node.value))
    parts = [_compiled(part) for part in node.parts]
    if node.does in ARITHMETIC:
        return _arithmetic(node.does, *parts)
    if node.does in COMPARISONS:
        return _comparison(node.does, *parts)
    return _logical(node.does, parts) or _function(_FUNCTIONS[node.does], parts)


def _logical(does: str, parts: Sequence[Compute]) -> Compute | None:
    if does in {"and", "or"}:
        return _joined(*parts, decides=does == "or")
    if does == "not":
        return _negated(*parts)
    return _choice(*parts) if does == "if" else None


def _named(name: str) -> Compute:
    def read(values: Values) -> Value:
        value = values.get(name)
        if value.__class__ is float and value - value:
            return None  # infinite, or no number
        return value

    return read


def _arithmetic(sign: str, left: Compute, right: Compute) -> Compute:
    apply = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "%": operator.mod,
    }[sign]

    def compute(values: Values) -> Value:
        first, second = left(values), right(values)
        if first.__class__ is str or second.__class__ is str:
            return None  # Python would repeat, join and fill in texts
        try:
            result: int | float = apply(first, second)
            return None if result - result else result
        except _FAULTS:
            return None

    return compute


def _comparison(sign: str, left: Compute, right: Compute) -> Compute:
    apply: Callable[..., bool] = {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }[sign]

    def compute(values: Values) -> Value:
        first, second = left(values), right(values)
        if first is None or second is None:
            return None
        if (first.__class__ is str) != (second.__class__ is str):
            return None
        return apply(first, second)

    return compute


def _joined(left: Compute, right: Compute, *, decides: bool) -> Compute:
    """`and`, `or`: one side may decide, whatever the other one is."""

    def compute(values: Values) -> Value:
        first = truth(left(values))
        if first is decides:
            return decides
        second = truth(right(values))
        if second is decides:
            return decides
        return None if first is None or second is None else not decides

    return compute


def _negated(part: Compute) -> Compute:
    def compute(values: Values) -> Value:
        value = truth(part(values))
        return None if value is None else not value

    return compute


def _choice(condition: Compute, first: Compute, second: Compute) -> Compute:
    def compute(values: Values) -> Value:
        value = truth(condition(values))
        if value is None:
            return None
        return first(values) if value else second(values)

    return compute


def truth(value: Value) -> bool | None:
    """Whether a value is true; None where it is unknown, or a text."""
    if value is None or value.__class__ is str:
        return None
    return value != 0


def _function(apply: Callable[..., Any], parts: Sequence[Compute]) -> Compute:
    def compute(values: Values) -> Value:
        given = [part(values) for part in parts]
        for value in given:
            if value is None or value.__class__ is str:
                return None
        try:
            result = apply(*given)
            return None if result - result else result
        except _FAULTS:
            return None

    return compute


def _round(value: float, digits: float = 0) -> int | float:
    """Round, a half away from zero; to a whole number without digits."""
    if not 0 <= digits <= MOST_DIGITS or digits != int(digits):
        raise ValueError(digits)
    scale: int = 10 ** int(digits)
    size = abs(value) * scale
    if size >= EXACT:
        return value  # it has no such digits
    whole = math.floor(size)
    whole += size - whole >= 0.5  # noqa: PLR2004 - a half
    signed = -whole if value < 0 else whole
    return signed / scale if digits else signed


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "negative": operator.neg,
    "positive": operator.pos,
    "abs": abs,
    "floor": math.floor,
    "sqrt": math.sqrt,
    "min": lambda *values: operator.pos(min(values)),
    "max": lambda *values: operator.pos(max(values)),
    "round": _round,
}
