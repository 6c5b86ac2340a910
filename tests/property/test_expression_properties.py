"""No text upsets the reader of expressions, and what it compiles computes what the tree says.

The evaluation here is written from the words at the head of gateway/deriving/expression.py, with
fractions instead of floats, and shares nothing with the closures there but the tree.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.deriving.expression import Expression
from gateway.deriving.syntax import DEEPEST, Node, parse
from gateway.deriving.tokens import LONGEST, Misspelt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Value

NAMES = ("a", "b", "c", "time_s.run")
SIGNS = ("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or")
PIECES = (
    *NAMES,
    *SIGNS,
    "not",
    "if",
    "else",
    "(",
    ")",
    ",",
    "min",
    "round",
    "1",
    ".5",
    "'x'",
    "true",
)
EXACT_SIGNS = tuple(sign for sign in SIGNS if sign not in "/%")
PARTS = ("2", "0.5", "4", "0")
"""What floats divide by without a remainder of their own."""
Exact = Fraction | str | None


def spelled() -> st.SearchStrategy[str]:
    """Sound expressions, with parentheses everywhere so that no precedence is assumed."""
    leaves = st.sampled_from([*NAMES, "0", "1", "7", "0.5", "true", "false"])

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(EXACT_SIGNS), inner),
            st.builds("({} {} {})".format, inner, st.sampled_from("/%"), st.sampled_from(PARTS)),
            st.builds("(not {})".format, inner),
            st.builds("(-{})".format, inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("if({}, {}, {})".format, inner, inner, inner),
            st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
            st.builds("{}({})".format, st.sampled_from(["abs", "floor", "round"]), inner),
        )

    return st.recursive(leaves, grown, max_leaves=8)


# Sums and products of a few such halves are exact in floats too.
numbers = st.integers(-8, 8).map(lambda n: n / 2 if n % 2 else n // 2)
readings = st.fixed_dictionaries(
    {name: st.one_of(numbers, st.booleans(), st.none(), st.just("x")) for name in NAMES}
)


def is_true(value: Exact) -> bool | None:
    return None if value is None or isinstance(value, str) else value != 0


def reference(node: Node, values: Mapping[str, Value]) -> Exact:  # noqa: PLR0911
    """What a tree is worth, in fractions; truths are 1 and 0."""
    if node.does == "name":
        return exact(values[str(node.value)])
    if node.does in {"number", "truth", "text"}:
        return exact(node.value)
    if node.does in {"and", "or"}:
        sides = [is_true(reference(part, values)) for part in node.parts]
        deciding = node.does == "or"
        if deciding in sides:
            return Fraction(deciding)
        return None if None in sides else Fraction(not deciding)
    if node.does == "if":
        condition = is_true(reference(node.parts[0], values))
        return None if condition is None else reference(node.parts[1 if condition else 2], values)
    parts = [reference(part, values) for part in node.parts]
    if node.does in {"==", "!=", "<", "<=", ">", ">="}:
        first, second = parts
        if first is None or second is None or isinstance(first, str) != isinstance(second, str):
            return None
        order = (first > second) - (first < second)  # type: ignore[operator]
        holds = {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0}
        return Fraction({**holds, ">": order > 0, ">=": order >= 0}[node.does])
    if any(part is None or isinstance(part, str) for part in parts):
        return None
    given_numbers: list[Fraction] = parts  # type: ignore[assignment]
    return worked(node.does, *given_numbers)


def worked(does: str, first: Fraction, second: Fraction = Fraction(0)) -> Fraction | None:
    if does in {"/", "%"}:
        if not second:
            return None
        return first / second if does == "/" else first - second * math.floor(first / second)
    halves_up = math.floor(abs(first) + Fraction(1, 2))
    return {
        "+": first + second,
        "-": first - second,
        "*": first * second,
        "negative": -first,
        "positive": first,
        "not": Fraction(not first),
        "min": min(first, second),
        "max": max(first, second),
        "abs": abs(first),
        "floor": Fraction(math.floor(first)),
        "round": Fraction(-halves_up if first < 0 else halves_up),
    }[does]


def exact(value: Value) -> Exact:
    return value if value is None or isinstance(value, str) else Fraction(value)


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join)))
@example("(" * 900)
@example("-" * 900)
@example("a if " * 150)
@example("if(" * 300)
@example("a" + "-a" * 400)
@settings(max_examples=400, deadline=None)
def test_any_text_is_an_expression_or_points_at_a_character(text: str) -> None:
    try:
        made = Expression(text)
    except Misspelt as raised:
        wrong = raised
    else:
        assert parse(text).depth <= DEEPEST
        for values in ({}, dict.fromkeys(made.names, "x"), dict.fromkeys(made.names, 1e308)):
            value = made.evaluate(values)
            assert not isinstance(value, float) or math.isfinite(value)
        return
    assert 0 <= wrong.offset <= min(len(text), LONGEST)
    assert wrong.what
    assert wrong.next


@given(spelled(), readings)
@settings(max_examples=400, deadline=None)
def test_what_is_compiled_computes_what_the_tree_says(text: str, values: dict[str, Value]) -> None:
    result, wanted = Expression(text).evaluate(values), reference(parse(text), values)
    assert result == wanted
    assert isinstance(result, str) == isinstance(wanted, str)


@given(st.lists(st.sampled_from(["1", "2", "a"]), min_size=2, max_size=8), st.data())
@settings(deadline=None)
def test_signs_bind_as_everywhere(leaves: list[str], data: st.DataObject) -> None:
    """Numbers and + - * / without parentheses are worth what Python has them worth."""
    signs = [data.draw(st.sampled_from("+-*/")) for _leaf in leaves[1:]]
    text = leaves[0] + "".join(map("".join, zip(signs, leaves[1:], strict=True)))
    made = Expression(text).evaluate({"a": 3})
    assert made == eval(text, {"a": 3})  # noqa: S307 - what it computes comes from above
