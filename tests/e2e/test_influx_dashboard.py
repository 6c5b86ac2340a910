"""The dashboard's own queries, asked of VictoriaMetrics, give the engine's own figures."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.model import Draft
from gateway.tracing.playing import Player, polls
from simulators.week.run import watch
from tests.e2e.influx_rig import running
from tests.e2e.victoria import Victoria
from tests.property.test_simulated_week import SAMPLE, part
from tests.week_rig import SETTLED_MS, stage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOARD = json.loads((Path(__file__).parents[2] / "deploy/grafana/nxgate.json").read_text("utf-8"))
PANELS = {panel["title"]: panel for panel in BOARD["panels"]}
HOUR_MS = 3_600_000
Labels = tuple[str, ...]


@dataclass
class Told:
    """A simulated day as the engine told it, and the database that it was written to.

    Attributes:
        windows: class, kind, line, asset, start → the body of its highest revision.
        states: line, asset → (UTC ms, word), by time.
    """

    server: Victoria
    span: tuple[int, int]
    windows: dict[tuple[str, str, str, str, int], dict[str, Any]] = field(default_factory=dict)
    states: dict[Labels, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    restated: int = 0

    def hours(self, cls: str) -> Iterator[tuple[Labels, int, dict[str, Any]]]:
        for (of, kind, line, asset, start), body in self.windows.items():
            if of == cls and kind == "hour":
                yield (line, asset), start, body


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    week = watch(part("shoes", SAMPLE, 1), 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stage = stage_of(week, folder)
        span = week.workshop.week.span
        records = list(Player(stage).play(polls(stage), span[1] + SETTLED_MS))
        with Victoria(folder) as server:
            made = Told(server, span)
            drafts = []
            for record in records:
                if record.cls.partition("/")[0] not in {"oee", "energy", "state"}:
                    continue
                body = json.loads(record.body)
                place = (record.line, record.asset)
                if record.cls == "state":
                    made.states[place].append((record.ts_ms, body["state"]))
                elif not body["win"].get("product"):  # a part of a shift is no shift
                    window = body["win"]
                    key = (record.cls, window["kind"], *place, window["start"])
                    made.restated += key in made.windows
                    made.windows[key] = body
                drafts.append(Draft(record.cls, *place, record.ts_ms, record.body, record.subject))
            asyncio.run(_write(folder, server.url, drafts))
            yield made


async def _write(folder: Path, url: str, drafts: list[Draft]) -> None:
    async with running(folder, url) as rig:
        await rig.delivered(rig.make(*drafts), 60)


def expression(text: str) -> str:
    """A query as Grafana sends it, everything chosen."""
    sent = re.sub(r"\$(site|line|asset)\b", ".*", text)
    assert "$" not in sent, sent
    return sent


def shown(told: Told, panel: str, ref: str = "A") -> dict[tuple[Labels, int], float]:
    """What a panel draws over the whole time: (line, asset), time → value."""
    (target,) = [t for t in PANELS[panel]["targets"] if t["refId"] == ref]
    step = PANELS[panel]["interval"]
    start, end = (time // HOUR_MS * HOUR_MS for time in told.span)
    found = {}
    for series in told.server.query_range(expression(target["expr"]), start, end, step):
        labels = tuple(series["metric"].get(n, "") for n in ("line", "asset"))
        for at_s, value in series["values"]:
            found[labels, round(at_s * 1000)] = float(value)
    return found


def same(got: dict[Any, float], wanted: dict[Any, float]) -> None:
    assert wanted
    assert got.keys() == wanted.keys()
    assert got == {key: pytest.approx(value, rel=1e-9, abs=1e-9) for key, value in wanted.items()}


def test_the_day_has_windows_that_were_restated(told: Told) -> None:
    """Else the highest revision would be the only one."""
    assert told.restated > 5


@pytest.mark.parametrize(
    ("panel", "cls", "name"),
    [
        ("OEE by hour", "oee", "oee"),
        ("Coverage by hour", "oee", "coverage"),
        ("Energy by hour", "energy/electricity", "use"),
        ("Greatest power by hour", "energy/electricity", "max_kw"),
    ],
)
def test_each_machines_figure_is_the_engines(told: Told, panel: str, cls: str, name: str) -> None:
    wanted = {
        (place, start): body[name]
        for place, start, body in told.hours(cls)
        if body.get(name) is not None
    }
    same(shown(told, panel), wanted)


@pytest.mark.parametrize(
    ("ref", "loss"),
    [
        ("A", lambda b: b["oee"]),
        ("B", lambda b: 1 - b["a"]),
        ("C", lambda b: b["a"] * (1 - b["p"]) if b["a"] else 0.0),
        ("D", lambda b: b["a"] * b["p"] * (1 - b["q"]) if b["a"] and b["p"] else 0.0),
    ],
)
def test_losses_are_those_of_the_engines_ratios(
    told: Told, ref: str, loss: Callable[[dict[str, Any]], float]
) -> None:
    by_hour: dict[int, list[float]] = defaultdict(list)
    for _place, start, body in told.hours("oee"):
        if body["oee"] is not None:
            by_hour[start].append(loss(body))
    wanted = {(("", ""), start): sum(some) / len(some) for start, some in by_hour.items()}
    same(shown(told, "Where OEE goes, by hour", ref), wanted)


def test_times_add_up_to_the_engines(told: Told) -> None:
    for target in PANELS["Time by hour"]["targets"]:
        (name,) = re.findall(r"oee_time_s_(\w+)", target["expr"])
        by_hour: dict[int, float] = defaultdict(float)
        for _place, start, body in told.hours("oee"):
            if name in body["time_s"]:
                by_hour[start] += body["time_s"][name]
        same(
            shown(told, "Time by hour", target["refId"]),
            {(("", ""), start): seconds for start, seconds in by_hour.items()},
        )


def test_states_are_the_engines(told: Told) -> None:
    (mapping,) = PANELS["State"]["fieldConfig"]["defaults"]["mappings"]
    words = {float(code): shown["text"] for code, shown in mapping["options"].items()}
    got = shown(told, "State")
    assert len(got) > 1000
    for (place, at_ms), code in got.items():
        before = [word for ts_ms, word in told.states[place] if ts_ms <= at_ms]
        assert words[code] == before[-1], (place, at_ms)


def test_the_last_shift_is_the_engines(told: Told) -> None:
    names = {"A": ("count", "total"), "B": ("count", "scrap"), "C": ("oee",)}
    for target in PANELS["Pieces and OEE by shift"]["targets"]:
        rows = told.server.query(expression(target["expr"]), told.span[1])
        got = {
            (row["metric"]["line"], row["metric"]["asset"], row["metric"]["shift"]): float(
                row["value"][1]
            )
            for row in rows
        }
        newest: dict[Labels, tuple[int, float]] = {}
        for (cls, kind, line, asset, start), body in told.windows.items():
            if cls == "oee" and kind == "shift" and start <= told.span[1]:
                value: Any = body
                for step in names[target["refId"]]:
                    value = value[step]
                key = (line, asset, body["win"]["shift"])
                if value is not None and start >= newest.get(key, (0, 0.0))[0]:
                    newest[key] = start, value
        same(got, {key: value for key, (_start, value) in newest.items()})
