"""The language of `is:`: what it computes, and where it points when it doesn't understand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway import words
from gateway.deriving.expression import Expression
from gateway.deriving.syntax import DEEPEST
from gateway.deriving.tokens import LONGEST, Misspelt

if TYPE_CHECKING:
    from gateway.model import Value

VALUES: dict[str, Value] = {
    "a": 6,
    "b": 2.5,
    "off": 0,
    "run": True,
    "stop": False,
    "word": "run",
    "lost": None,
    "time_s.run": 3600,
    "infinite": float("inf"),
    "broken": float("nan"),
    "large": 2**63,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        (".5 + 1e3", 1000.5),
        ("a + b * 2", 11.0),
        ("(a + b) * 2", 17.0),
        ("a - 1 - 1", 4),
        ("a / 4", 1.5),
        ("-a % 4", 2),
        ("- -a", 6),
        ("+run", 1),
        ("run + run", 2),
        ("time_s.run / 60", 60.0),
        ("a == 6 and b < 3", True),
        ("a != 6 or not run", False),
        ("not a == 6", False),
        ("word == 'run'", True),
        ('"run" if run else "idle"', "run"),
        ("if(stop, 1, if(run, 2, 3))", 2),
        ("1 if stop else 2 if run else 3", 2),
        ("min(a, b, 9)", 2.5),
        ("max(run, stop)", 1),
        ("abs(b - a)", 3.5),
        ("round(b)", 3),
        ("round(-b)", -3),
        ("round(0.49999999999999994)", 0),
        ("round(2.675, 1)", 2.7),
        ("round(1e300, 2)", 1e300),
        ("floor(-b)", -3),
        ("sqrt(a + 3)", 3.0),
        ("large + 1", float(2**63)),
    ],
)
def test_what_it_computes(text: str, value: Value) -> None:
    result = Expression(text).evaluate(VALUES)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "lost",
        "a + lost",
        "nowhere",
        "a / off",
        "a % 0",
        "sqrt(-1)",
        "1e300 * 1e300",
        "infinite",
        "0 * broken",
        "word + 1",
        "word * a",
        "word % a",
        "-word",
        "word and run",
        "not lost",
        "word == 1",
        "word < 1",
        "lost == lost",
        "1 if lost else 2",
        "min(a, lost)",
        "min(a, word)",
        "round(a, 0.5)",
        "round(a, -1)",
        "round(infinite)",
        "lost and run",
        "lost or stop",
    ],
)
def test_what_has_no_value(text: str) -> None:
    assert Expression(text).evaluate(VALUES) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("stop and lost", False),
        ("lost and stop", False),
        ("run or lost", True),
        ("lost or run", True),
        ("a if run else lost", 6),
    ],
)
def test_what_does_not_depend_on_the_unknown(text: str, value: Value) -> None:
    assert Expression(text).evaluate(VALUES) == value


@pytest.mark.parametrize(
    ("text", "offset", "says"),
    [
        ("", 0, "something is missing at the end: a signal or a number belongs here"),
        ("a +", 3, "something is missing at the end"),
        ("a + * b", 4, "* doesn't fit here: a signal or a number belongs here"),
        ("a b", 2, "b doesn't fit here: write + - * / or another sign before it"),
        ("12s", 2, "s doesn't fit here"),
        ("a = 1", 2, "= has no meaning here: write =="),
        ("a && b", 2, "&& has no meaning here: write and"),
        ("a × b", 2, "× has no meaning here: write *"),
        ("a ≥ b", 2, "write >="),
        ("max（a, b)", 3, "（ is a full-width character: write ("),
        ("a # b", 2, "# has no meaning here"),
        ("a \x07", 2, "U+0007"),
        ("'run", 0, "the text that begins here has no end: write ' after it"),
        ("(a + (b - 1)", 0, "this parenthesis is never closed"),
        ("(a b)", 3, "b doesn't fit here: write ) or a sign before it"),
        ("a)", 1, "this parenthesis closes none"),
        ("a < b < 3", 6, "three values can't be compared at once: write a < b and b < c"),
        ("mean(a, b)", 0, "there is no function mean: there are: min, max"),
        ("min()", 0, "min takes ≥ 1 values, not 0"),
        ("round(a, 1, 2)", 0, "round takes 1–2 values, not 3: write e.g. round(a, 1)"),
        ("if(a, b)", 0, "if takes 3 values, not 2"),
        ("if a", 3, "a doesn't fit here: write if(c, a, b)"),
        ("a if b", 6, "write a if c else b"),
        ("'x' + 1", 0, "a text can be compared, and nothing else"),
        ("1e999", 0, "the number is too large"),
        ("a " * LONGEST, LONGEST, f"longer than {LONGEST} characters"),
        ("(" * 100 + "a" + ")" * 100, DEEPEST, f"nested more than {DEEPEST} deep"),
        ("a" + " + a" * 100, 2 + 4 * (DEEPEST - 1), f"nested more than {DEEPEST} deep"),
    ],
)
def test_it_points_at_the_character(text: str, offset: int, says: str) -> None:
    with pytest.raises(Misspelt) as raised:
        Expression(text)
    assert raised.value.offset == offset
    assert says in f"{raised.value.what}: {raised.value.next}"


def test_it_says_so_in_chinese() -> None:
    words.choose("zh")
    try:
        with pytest.raises(Misspelt) as raised:
            Expression("a ＋ b")
    finally:
        words.choose("en")
    assert (raised.value.offset, raised.value.what) == (2, "＋ 是全角字符")


def test_it_says_what_it_needs_and_where() -> None:
    made = Expression("b + (a if time_s.run > b else a)")
    assert made.names == ("b", "a", "time_s.run")
    assert made.places == {"b": 0, "a": 5, "time_s.run": 10}
