"""The figures of a story as one would work them out on paper, in fractions.

Nothing here is the gateway's: a figure is the textbook's formula (ISO 22400-2, as docs/kpi.md has
it) over sums of slots, and each counting rule is written out.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from tests.industries.story import SLOT_S, SLOTS

if TYPE_CHECKING:
    from tests.industries.story import Story

Figures = dict[str, "Fraction | str | None"]
"""By path in the record: `time_s.run`, `count.total`, `kpi.nee`."""

ELEMENTS = {"run": "R", "setup": "S", "delay": "WF", "idle": "I", "unknown": "U"}
HOUR_S = 3600
COAL = Fraction("0.1229")
CARBON = Fraction("0.5306")
"""kgce and kg of CO2 of a kWh, as common.yaml states them with their sources."""
PASSED = {"ok", "合格"}


def oee(story: Story, counting: str, factors: tuple[str, ...]) -> Figures:
    """What the hour's oee record must say."""
    spent = {
        name: Fraction(SLOT_S * sum(story.states.count(letter) for letter in letters))
        for name, letters in ELEMENTS.items()
    }
    planned = sum(spent.values(), Fraction(0))
    known = planned - spent["unknown"]
    found: Figures = {f"time_s.{name}": value for name, value in spent.items()}
    found |= {"time_s.planned": planned, "coverage": 1 - spent["unknown"] / HOUR_S}
    found["a"] = spent["run"] / known
    if counting == "none":
        return found | {"count.total": None, "p": None, "q": None, "oee": None}
    total, good, ideal, ideal_good = pieces(story, counting, factors)
    if story.type == "clicking-press":
        found["kpi.x_pieces_per_run_hour"] = total / spent["run"] * HOUR_S
        found["kpi.x_idle_share"] = spent["idle"] / known
    found |= {"count.total": total, "p": ideal / spent["run"]}
    if story.operators is not None and story.sam_s is not None:
        # A planned stop of the machine sends nobody home.
        attended, earned = Fraction(story.operators * HOUR_S), total * Fraction(story.sam_s)
        found |= {"kpi.attended_time": attended, "kpi.earned_time": earned}
        found["kpi.line_efficiency"] = earned / attended
    if good is None or ideal_good is None:
        return found | {"count.good": None, "q": None, "oee": None, "reason": "no_quality"}
    unit = spent["run"] + spent["setup"]
    found |= {
        "count.good": good,
        "q": ideal_good / ideal,
        "oee": ideal_good / known,
        "kpi.nee": unit / known * ideal_good / spent["run"],
        "kpi.teep": ideal_good / HOUR_S * planned / known,
        "kpi.setup_ratio": spent["setup"] / unit,
    }
    found |= _losses(story, counting, factors) | _judged(story, counting, total)
    if counting == "pairs":
        left, right = halves(story)
        found["kpi.unmatched_halves"] = abs(left - right)
    if counting == "tests":
        first = dict(reversed(story.tests))
        passed = sum(result in PASSED for result in first.values())
        found["kpi.first_pass_yield"] = Fraction(passed, len(first))
    return found


def _losses(story: Story, counting: str, factors: tuple[str, ...]) -> Figures:
    """Where planned time went; with the productive time, the losses tile it."""
    time = {letter: Fraction(SLOT_S * story.states.count(letter)) for letter in "RSWFI"}
    _total, _good, ideal, ideal_good = pieces(story, counting, factors)
    assert ideal_good is not None
    again = Fraction(story.cycle_s or 0) * (len(story.tests) - len(dict(story.tests)))
    empty = sum(
        (
            Fraction(story.cycle_s or 0) * count * (1 - _filled(story, counting, factors, slot))
            for slot, count in enumerate(story.counts(story.made))
            if counting in {"stations", "multiplied"}
        ),
        Fraction(0),
    )
    found: Figures = {
        "kpi.setup_loss_time": time["S"],
        "kpi.waiting_loss_time": time["W"],
        "kpi.breakdown_loss_time": time["F"],
        "kpi.idle_loss_time": time["I"],
        "kpi.speed_loss_time": time["R"] - ideal - again,
    }
    if counting == "tests":
        found["kpi.retest_loss_time"] = again
    if empty:
        return found | ({"kpi.station_loss_time": empty} if "injection" in story.type else {})
    startup = Fraction(story.startup or 0) / max(story.rejected or 0, 1) * (ideal - ideal_good)
    found["kpi.process_reject_loss_time"] = ideal - ideal_good - startup
    found["kpi.productive_time"] = ideal_good
    if story.startup is not None:
        found["kpi.startup_reject_loss_time"] = startup
    return found


def _judged(story: Story, counting: str, total: Fraction) -> Figures:
    """What became of rejects: those that are made good again were no good at first."""
    if counting in {"pairs", "tests"}:
        return {}
    found: Figures = {"kpi.first_pass_yield": (total - Fraction(story.rejected or 0)) / total}
    if story.rework is not None:
        found["kpi.rework_ratio"] = story.rework / total
    return found


def energy(story: Story, counting: str, factors: tuple[str, ...], register: str) -> Figures:
    """What the hour's energy record of a register must say."""
    use = Fraction(story.use[register])
    found: Figures = {"use": use}
    if register == "energy":
        found |= {"kpi.kgce": use * COAL, "kpi.kgco2": use * CARBON}
    good = None if counting == "none" else pieces(story, counting, factors)[1]
    if good:
        name = "kwh" if register == "energy" else register
        found[f"kpi.{name}_per_good"] = use / good
    return found


def pieces(
    story: Story, counting: str, factors: tuple[str, ...]
) -> tuple[Fraction, Fraction | None, Fraction, Fraction | None]:
    """All pieces and the good ones, and the ideal seconds of both; None where nothing judges."""
    cycle = Fraction(story.cycle_s or 0)
    if counting == "pairs":
        return _pairs(story, cycle)
    if counting == "tests":
        last = dict(story.tests)
        good = Fraction(sum(result in PASSED for result in last.values()))
        return Fraction(len(last)), good, cycle * len(last), cycle * good
    worth = [_worth(story, counting, factors, slot) for slot in SLOTS]
    counts = story.counts(story.made)
    total = sum((count * each for count, each in zip(counts, worth, strict=True)), Fraction(0))
    ideal = cycle * sum(count for slot, count in enumerate(counts) if slot not in dark(story))
    if story.rejected is None:
        return total, None, ideal, None
    lost = Fraction(story.rejected - (story.rework or 0))
    return total, total - lost, ideal, ideal - lost * cycle / worth[story.running[-1]]


def dark(story: Story) -> set[int]:
    """Slots whose counts grew across time of unknown state, so that no run time stands for them."""
    return {slot for slot in SLOTS if "U" in story.states[max(slot - 1, 0) : slot + 1]}


def halves(story: Story) -> tuple[Fraction, Fraction]:
    """Good left and good right shoes."""
    left = sum(story.counts(story.made)) - (story.rejected or 0)
    right = sum(story.counts(story.right or 0)) - (story.right_rejected or 0)
    return Fraction(left), Fraction(right)


def _pairs(
    story: Story, cycle: Fraction
) -> tuple[Fraction, Fraction | None, Fraction, Fraction | None]:
    """Half a pair takes half a cycle; a good pair is a good left one and a good right one."""
    made = Fraction(sum(story.counts(story.made)) + sum(story.counts(story.right or 0)))
    left, right = halves(story)
    return made / 2, min(left, right), made / 2 * cycle, (left + right) / 2 * cycle


def _filled(story: Story, counting: str, factors: tuple[str, ...], slot: int) -> Fraction:
    """The part of a count that wasn't empty: stations, cavities and so on in use of all."""
    if counting == "stations":
        return story.factor("mounted", slot) / Fraction(story.parameters["stations"])
    of_all = (
        min(story.factor(name, slot) / Fraction(story.parameters[name]), Fraction(1))
        for name in factors
        if name in story.parameters
    )
    return prod(of_all, start=Fraction(1))


def _worth(story: Story, counting: str, factors: tuple[str, ...], slot: int) -> Fraction:
    """Pieces of one count."""
    if counting == "stations":
        mounted = story.factor("mounted", slot) / Fraction(story.parameters["stations"])
        return mounted * Fraction(story.parameters.get("pieces_per_index", 1))
    return prod((story.factor(name, slot) for name in factors), start=Fraction(1))
