"""An hour of every machine of every industry, with figures worked out apart from the gateway.

`nxgate profile test` compares the gateway with them (tests/unit/test_profile_traces.py); here it is
seen to that they are all there, and that the arithmetic agrees with what was done by hand.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.resolution.library import PROFILES
from tests.industries import arithmetic
from tests.industries.stories import STORIES
from tests.industries.traces import cases, types_of

CASES = {path.relative_to(PROFILES.root()).as_posix(): (path, text) for path, text in cases()}

BY_HAND: list[tuple[str, str, dict[str, Fraction | int]]] = [
    # 12 s a step, 23 steps in each of 9 slots; 20, later 24 of 24 stations; 10 of 198⅓ rejected.
    # Steps at 20 stations: 4 slots, 92 × 20/24 = 76⅔ pairs; at 24: 5 slots, 115 pairs.
    (
        "shoes",
        "rotary-injection",
        {
            "count.total": Fraction(575, 3),
            "time_s.run": 2700,
            "p": Fraction(207 * 12, 2700),
            "q": 1 - Fraction(10 * 12, 207 * 12),
        },
    ),
    # 11 left and 10 right in each of 10 slots; good: 110 - 6 left, 100 - 3 right.
    (
        "shoes",
        "toe-lasting",
        {
            "count.total": 105,
            "count.good": 97,
            "kpi.unmatched_halves": 7,
            "p": Fraction(105 * 26, 3000),
            "q": Fraction(201, 210),
        },
    ),
    # One lay of 60 plies, one of 45, each with a marker of 24 pieces; 18 of them rejected.
    (
        "apparel",
        "spreader",
        {"count.total": 24 * 105, "count.good": 24 * 105 - 18, "p": Fraction(2800, 3000)},
    ),
    # Six valves; V2602 failed first and passed then, V2604 failed twice.
    (
        "valves",
        "pressure-test-bench",
        {"count.total": 6, "count.good": 5, "kpi.first_pass_yield": Fraction(4, 6)},
    ),
    # 700 strokes in each of 9 slots, 8 contacts each, at 0.4 s a stroke.
    (
        "electrical",
        "progressive-die-press",
        {"count.total": 50_400, "p": Fraction(2520, 2700), "q": Fraction(50_288, 50_400)},
    ),
    # 147 kWh for a charge of 420 kg, none rejected.
    ("auto-parts", "heat-treatment-furnace", {"count.good": 420, "p": Fraction(3200, 3300)}),
]


@pytest.mark.parametrize("name", CASES)
def test_the_cases_are_those_of_the_stories(name: str) -> None:
    path, text = CASES[name]
    assert path.read_text("utf-8") == text, "write them: python -m tests.industries.traces"


def test_every_type_of_every_industry_has_its_hour() -> None:
    """In its own industry, or in the one from which all of them have it."""
    told = {industry: {story.type for story in stories} for industry, stories in STORIES.items()}
    assert set(told) == set(PROFILES.names())
    shared = told["common"] | told["machinery"]
    for industry, own in told.items():
        assert set(types_of(industry)) <= own | shared, industry


@pytest.mark.parametrize(("industry", "machine", "by_hand"), BY_HAND)
def test_the_arithmetic_agrees_with_what_was_done_by_hand(
    industry: str, machine: str, by_hand: dict[str, Fraction | int]
) -> None:
    story = next(story for story in STORIES[industry] if story.type == machine)
    of = types_of(industry)[machine]
    found = arithmetic.oee(story, of.counting, of.factors)
    assert {name: found[name] for name in by_hand} == by_hand
