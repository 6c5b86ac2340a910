"""Writes a profile's cases: a trace of the hour of all its machines, and what it must lead to.

    python -m tests.industries.traces        writes them all below profiles/industries

The gateway has no part in the figures: they are those of `arithmetic`.
"""

from __future__ import annotations

import json
import textwrap
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from gateway.resolution.industry import load_profile
from gateway.resolution.library import PROFILES
from tests.industries import arithmetic
from tests.industries.stories import STORIES
from tests.industries.story import SLOT_S, SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.resolution.profile import MachineType
    from tests.industries.arithmetic import Figures
    from tests.industries.story import Exact, Story

BEGIN = datetime.fromisoformat("2026-03-02T08:00:00+08:00")
"""A Monday."""
WORDS = {
    "S": "setup",
    "R": "running",
    "W": "waiting",
    "F": "fault",
    "I": "idle",
    "P": "planned_stop",
}
REGISTERS_BEGIN = {
    "energy": Fraction("81200.5"),
    **dict.fromkeys(("water", "compressed_air", "gas", "steam", "heat"), Fraction(512)),
}
COUNTERS_BEGIN = 41_000
Told = tuple[int, str, str, object]
"""Seconds after 08:00, asset, signal, value."""


def cases() -> Iterator[tuple[Path, str]]:
    """Every file of every industry's cases, with what it holds."""
    for industry, stories in STORIES.items():
        folder = PROFILES.root() / industry
        types = types_of(industry)
        yield folder / "hour.site.yaml", site(industry, stories)
        yield folder / "hour.jsonl", "".join(f"{line}\n" for line in trace(stories, types))
        yield folder / "hour.expected.yaml", expected(stories, types)


def types_of(industry: str) -> dict[str, MachineType]:
    """The machine types of an industry."""
    found, faults = load_profile(industry, Path())
    assert found is not None, faults
    return found.profile.types


def site(industry: str, stories: tuple[Story, ...]) -> str:
    """A site with a machine of each story."""
    assets: dict[str, object] = {}
    for story in stories:
        asset: dict[str, object] = {"type": story.type}
        if story.cycle_s is not None:
            asset["ideal_cycle"] = f"{story.cycle_s}s"
        if story.sam_s is not None:
            asset["products"] = {story.product: {"sam": f"{story.sam_s}s"}}
        if story.parameters:
            asset["parameters"] = {key: _number(value) for key, value in story.parameters.items()}
        assets[story.asset] = asset
    whole = {
        "site": {
            "cluster": "wenzhou",
            "enterprise": "demo",
            "site": "plant-1",
            "gateway": "gw-01",
            "timezone": "Asia/Shanghai",
            "industry": industry,
        },
        "assets": assets,
    }
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False, default_flow_style=None)


def trace(stories: tuple[Story, ...], types: dict[str, MachineType]) -> Iterator[str]:
    """The hour of all machines, in the order of time."""
    told = [line for story in stories for line in _readings(story, types[story.type])]
    for second, asset, signal, value in sorted(told, key=lambda line: line[0]):
        line = {"t": (BEGIN + timedelta(seconds=second)).isoformat(), "asset": asset}
        line["signal"] = signal
        text = json.dumps(line | ({"q": "bad"} if value is None else {"value": value}))
        yield text


def _readings(story: Story, machine: MachineType) -> Iterator[Told]:
    """All that one machine tells: its state at the edges of slots, the rest in their middle."""
    name, counting = story.asset, machine.counting
    has_state = "state" in machine.signals
    for slot in (*SLOTS, len(SLOTS)) if has_state else ():
        yield slot * SLOT_S, name, "state", WORDS.get(story.states[slot % len(SLOTS)])
    for signal, value in _standing(story):
        yield 0, name, signal, value
    for signal, values in story.times.items():
        for slot, value in values.items():
            yield slot * SLOT_S, name, signal, value
    for register, grown in story.use.items():
        start = REGISTERS_BEGIN[register]
        yield 0, name, register, float(start)
        yield len(SLOTS) * SLOT_S, name, register, float(start + Fraction(grown))
    for signal, steps in _counters(story, counting).items():
        total = COUNTERS_BEGIN
        yield 0, name, signal, total
        for slot in SLOTS:
            total += steps[slot]
            yield slot * SLOT_S + SLOT_S // 2, name, signal, total
    yield from _tests(story)


def _tests(story: Story) -> Iterator[Told]:
    """What a bench shows: one that counts its tests holds a result, another clears it first."""
    if story.made and story.tests:
        yield 0, story.asset, "count", COUNTERS_BEGIN
    for number, (slot, (serial, result)) in enumerate(
        zip(story.running, story.tests, strict=False), 1
    ):
        begun, done = slot * SLOT_S + SLOT_S // 4, slot * SLOT_S + SLOT_S // 2
        yield begun, story.asset, "serial", serial
        if story.made:
            yield done, story.asset, "count", COUNTERS_BEGIN + number
        else:
            yield begun, story.asset, "result", "testing"
        yield done, story.asset, "result", result


def _standing(story: Story) -> Iterator[tuple[str, object]]:
    """What is told once, at the beginning."""
    if story.product:
        yield "product", story.product
    if story.operators is not None:
        yield "operators", story.operators


def _counters(story: Story, counting: str) -> dict[str, list[int]]:
    """Counter signal → its steps, slot by slot."""
    if counting in {"none", "tests"}:
        return {}
    names = ("count_left", "reject_left") if counting == "pairs" else ("count", "reject")
    steps = {names[0]: story.counts(story.made)}
    once = {names[1]: story.rejected, "reject_startup": story.startup, "rework": story.rework}
    if counting == "pairs":
        steps["count_right"] = story.counts(story.right or 0)
        once["reject_right"] = story.right_rejected
    for signal, pieces in once.items():
        if pieces is not None:
            steps[signal] = [pieces if slot == story.running[-1] else 0 for slot in SLOTS]
    return steps


def expected(stories: tuple[Story, ...], types: dict[str, MachineType]) -> str:
    """What the hour must lead to, as `nxgate profile test` reads it."""
    lines = [
        "# Worked out by tests/industries/arithmetic.py, which knows nothing of the gateway;",
        "# written by python -m tests.industries.traces.",
        'until: "2026-03-02T09:30"',
        "expect:",
    ]
    for story in stories:
        machine = types[story.type]
        of = story, machine.counting, machine.factors
        lines.append(f"  # {machine.name['en']}, {machine.name['zh']}")
        if machine.kind == "machine":
            lines += _expectation(story.asset, "oee", arithmetic.oee(*of))
        for register in story.use:
            cls = "energy" if register == "energy" else f"energy/{register}"
            lines += _expectation(story.asset, cls, arithmetic.energy(*of, register))
    return "\n".join(lines) + "\n"


def _expectation(asset: str, cls: str, figures: Figures) -> list[str]:
    told = ", ".join(f"{name}: {_spelled(value)}" for name, value in figures.items())
    head = f'  - {{asset: {asset}, class: {cls}, window: "hour@2026-03-02T08:00", figures: '
    return [
        head,
        *textwrap.wrap(
            f"{{{told}}}}}",
            96,
            initial_indent="      ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        ),
    ]


def _spelled(value: Fraction | str | None) -> str:
    return "null" if value is None else str(value)


def _number(value: Exact) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


if __name__ == "__main__":
    for path, text in cases():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
