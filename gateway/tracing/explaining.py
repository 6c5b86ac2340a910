"""`nxgate explain`: how a figure came about, for people who doubt it."""

from __future__ import annotations

import time
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import click
import orjson

from gateway.naming import said
from gateway.templates import load
from gateway.tracing.evidence import gather, of_store, of_trace
from gateway.tracing.explanation import explain
from gateway.tracing.stage import set_up
from gateway.tracing.window import NoWindow, wanted
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Cells = list[str]


def show(
    asset: str, window: str, site: Path, trace: Path | None, product: str, *, as_json: bool
) -> int:
    """Print how the figures of a window came about; 0.

    Raises:
        ConfigError: the site file or the trace has faults.
        GatewayError: there is no such asset, window or store.
    """
    if trace is None:
        plant, now_ms = load(site), time.time_ns() // 1_000_000
    else:
        stage = set_up(site, trace)
        plant, now_ms = stage.plant, stage.survey.last_ms
    zone = ZoneInfo(plant.timezone)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    try:
        meant = wanted(window, zone, today, product)
    except NoWindow as error:
        raise click.BadParameter(str(error), param_hint="WINDOW") from error
    told = of_store(plant, asset, now_ms) if trace is None else of_trace(stage, asset)
    found = explain(gather(plant, asset, told, meant))
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(lines(found, zone)))
    return 0


def lines(found: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """An explanation as aligned text."""
    clock = _Clock(zone)
    window = found["window"]
    name = f"{said(window['kind'])} {window['shift']}".strip()
    yield f"{found['asset']}  {name}  {clock.full(window['start'])} – {clock.full(window['end'])}"
    yield found["profile"]
    yield from _statement(found)
    if found["known_to"] < window["end"]:
        text = _("nothing is known after {time}: what follows is what the log says up to then")
        yield text.format(time=clock.short(found["known_to"]))
    makes = "oee" in found["computed"]
    if makes:
        intervals = _intervals(found, clock)
        yield from _table(_("Intervals of state, and what they count as"), intervals)
        yield from _table(_("Left out"), _excluded(found, clock))
        yield from _table(_("Counters"), _courses(found["counters"], clock))
        yield from _table(_("Made, and with which ideal cycle"), _products(found))
    yield from _table(_("Registers"), _courses(found["registers"], clock))
    yield from _table(_("Use, registers read off at the window's edges"), _uses(found))
    if makes:
        yield from _table(_("Formulas"), _formulas(found["ratios"]))
    yield from _table(_("Where signals come from"), _bindings(found))


class _Clock:
    """Times as people of the site read them."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def full(self, ms: int) -> str:
        return datetime.fromtimestamp(ms / 1000, self._zone).isoformat(" ", timespec="minutes")

    def short(self, ms: int) -> str:
        text = datetime.fromtimestamp(ms / 1000, self._zone).strftime("%H:%M:%S")
        return f"{text}.{ms % 1000:03}" if ms % 1000 else text


def _statement(found: Mapping[str, Any]) -> Iterator[str]:
    """What was told of the window, and whether the log says the same today."""
    for cls, body in found["computed"].items():
        told = found["statement"].get(cls)
        if told is None:
            yield _("{cls}: not told yet; this is what the log says so far").format(cls=cls)
            continue
        if not told.get("final", True):
            yield _("{cls}: told as an interim figure; the window was still open").format(cls=cls)
            continue
        about = {key: value for key, value in told.items() if key not in {"rev", "final", "clock"}}
        same = orjson.loads(orjson.dumps(body)) == about
        text = _("{cls}: told as revision {rev}; the log gives the same")
        if not same:
            text = _("{cls}: told as revision {rev}; the log now gives other figures")
        yield text.format(cls=cls, rev=told["rev"])


def _intervals(found: Mapping[str, Any], clock: _Clock) -> Iterator[Cells]:
    for one in found["intervals"]:
        counted = ", ".join(f"{said(name)} {_s(ms)}" for name, ms in one["counted"].items())
        notes = [one["reason"], said(one["lost_to"]), _("minor stop") if one["minor"] else ""]
        span = f"{clock.short(one['start'])} – {clock.short(one['end'])}"
        yield [
            span,
            _s(one["end"] - one["start"]),
            said(one["state"]),
            "→",
            counted,
            *filter(None, notes),
        ]


def _excluded(found: Mapping[str, Any], clock: _Clock) -> Iterator[Cells]:
    out = found["excluded"]
    for key, name in (("breaks", _("break")), ("planned_stops", _("planned stop"))):
        for start, end in out[key]:
            yield [f"{clock.short(start)} – {clock.short(end)}", _s(end - start), name]
    if out["not_planned"]:
        yield ["", _s(out["not_planned"]), _("outside of all shifts")]
    if out["unknown"]:
        yield ["", _s(out["unknown"]), _("unknown: in planned time, in no ratio")]


def _courses(courses: Sequence[Mapping[str, Any]], clock: _Clock) -> Iterator[Cells]:
    for one in courses:
        ends = [
            f"{_n(end['value'])} ({clock.short(end['t'])})" if end else "–"
            for end in (one["first"] or one["within"], one["last"])
        ]
        yield [one["signal"], ends[0], "→", ends[1], f"+{_n(one['grown'])}"]
        for step in one["steps"]:
            text = f"{_n(step['before'])} → {_n(step['now'])}"
            yield [
                "",
                clock.short(step["t"]),
                said(step["change"]),
                text,
                f"+{_n(step['counted'])}",
            ]
        if one["following"]:
            end = one["following"]
            yield ["", "", _("then"), f"{_n(end['value'])} ({clock.short(end['t'])})"]


def _uses(found: Mapping[str, Any]) -> Iterator[Cells]:
    for cls, body in found["computed"].items():
        if not cls.startswith("energy/") or body["use"] is None:
            continue
        use = f"= {_n(body['use'])} {body['u']}"
        register = body.get("reg")
        ends = f"{_n(register['end'])} − {_n(register['start'])}" if register else ""
        yield [cls, ends, use, _("partly estimated") if body["est"] else ""]
        yield from _parts(body)


def _parts(body: Mapping[str, Any]) -> Iterator[Cells]:
    """Slots of the tariff, cost, and coal and CO₂ with the factors that they were computed with."""
    for slot, spent in body.get("by_tariff", {}).items():
        yield ["", said(slot), f"= {_n(spent)} {body['u']}"]
    if body["kpi"].get("cost") is not None:
        yield ["", _("cost"), f"= {_n(body['kpi']['cost'])}"]
    for name, figure in (("kgce", "kgce"), ("co2", "kgco2")):
        used, told = body.get("factors", {}).get(name), body["kpi"].get(figure)
        if used and told is not None:
            text = f"{_n(body['use'])} {body['u']} × {_n(used['value'])}"
            source = f"{used.get('year', '')} {used.get('scope', '')}".strip()
            yield ["", text, f"= {_n(told)} {figure}", source]


def _products(found: Mapping[str, Any]) -> Iterator[Cells]:
    for one in found["products"]:
        cycle = _("no ideal cycle")
        if one["ideal_cycle_s"] is not None:
            cycle = f"{_n(one['ideal_cycle_s'])} s"
        known = one["multipliers"] or {"mounted": None}
        used = [
            (name, known[name] if told is None else told)
            for name, told in zip(known, one["factors"], strict=False)
        ]
        factors = "".join(f"  × {name} {_n(told)}" for name, told in used if told is not None)
        for name, grown in one["grown"].items():
            text = _n(grown["placed"])
            if grown["unplaced"]:
                text += " " + _("and {count} across unknown time").format(
                    count=_n(grown["unplaced"])
                )
            yield [one["product"] or "–", name, f"{text} ({cycle})" + factors * (name == "count")]
        if one["ideal"] is not None and one["total"] is not None:
            text = _("{count} pieces, ideal time {ideal}; good {good}, ideal time {of_good}")
            good, total = _count(one["good"]), _count(one["total"])
            ideal, of_good = _ms(one["ideal"]), _ms(one["ideal_good"])
            yield ["", "=", text.format(count=total, ideal=ideal, good=good, of_good=of_good)]
    count = found["computed"]["oee"].get("count")
    if found["products"] and count:
        told = {
            key: _n(value) if isinstance(value, int | float) else "–"
            for key, value in count.items()
        }
        text = _("the record says: {total} in all, {good} good").format(**told)
        if _halves(found):
            text += f" ({_('good ones of a left and a right are whole pairs')})"
        yield ["", "", text]


def _halves(found: Mapping[str, Any]) -> bool:
    return any("count_left" in one["grown"] for one in found["products"])


def _formulas(ratios: Mapping[str, Any]) -> Iterator[Cells]:
    run, known = _s(ratios["run"]), _s(ratios["known_planned"])
    yield _formula("a", _("run ÷ known planned time"), f"{run} ÷ {known}", ratios["a"])
    ideal, good = _ms(ratios["ideal"]), _ms(ratios["ideal_good"])
    yield _formula("p", _("ideal time ÷ run"), f"{ideal} ÷ {run}", ratios["p"])
    yield _formula("q", _("ideal time of good ÷ of all"), f"{good} ÷ {ideal}", ratios["q"])
    text = _("ideal time of good ÷ known planned time")
    yield _formula("oee", f"a × p × q = {text}", f"{good} ÷ {known}", ratios["oee"])
    earned, attended = ratios["earned"], ratios["attended"]
    if earned is not None and attended is not None and Fraction(attended):
        text = _("standard time of the pieces ÷ time that people attended")
        numbers = f"{_ms(earned)} ÷ {_ms(attended)}"
        share = str(Fraction(earned) / Fraction(attended))
        yield _formula("line_efficiency", text, numbers, share)


def _formula(name: str, text: str, numbers: str, exact: str | None) -> Cells:
    if exact is None:
        return [name, text, _("no basis")]
    return [name, text, numbers, f"= {_n(float(Fraction(exact)))}"]


def _bindings(found: Mapping[str, Any]) -> Iterator[Cells]:
    for one in found["bindings"]:
        yield [one["signal"], f"{one['device']}.{one['tag']}", one["at"], one["where"]]


def _table(head: str, rows: Iterator[Cells]) -> Iterator[str]:
    """Rows with their columns aligned, under a heading; nothing where there are none."""
    cells = list(rows)
    if not cells:
        return
    yield ""
    yield head
    widths = [
        max(_width(row[place]) for row in cells if place < len(row))
        for place in range(max(map(len, cells)))
    ]
    for row in cells:
        padded = (cell + " " * (widths[n] - _width(cell)) for n, cell in enumerate(row))
        yield ("  " + "  ".join(padded)).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes on a terminal; a Chinese character takes two."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _s(ms: float) -> str:
    return f"{_n(ms / 1000)} s"


def _ms(exact: str | None) -> str:
    return "–" if exact is None else _s(float(Fraction(exact)))


def _count(exact: str | None) -> str:
    return "–" if exact is None else _n(float(Fraction(exact)))


def _n(value: float) -> str:
    return f"{value:.12g}"
