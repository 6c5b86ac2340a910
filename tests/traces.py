"""Traces as tests write them, and what a replay of them tells."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.publishers.canonical import Canonical
from gateway.tracing.playing import Player, polls
from gateway.tracing.stage import set_up
from tests.kpi_traces import SHANGHAI, T0

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.model import Value

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai, industry: shoes}
assets:
  last-1: {line: l1, type: toe-lasting, ideal_cycle: 10s}
  meter-1: {line: l1, type: energy-meter}
"""


def at(seconds: float) -> str:
    """ISO 8601 of a time after T0."""
    return datetime.fromtimestamp(T0 / 1000 + seconds, SHANGHAI).isoformat()


def line(seconds: float, signal: str, value: Value, asset: str = "last-1", **more: object) -> str:
    fields = {"t": at(seconds), "asset": asset, "signal": signal, "value": value, **more}
    return json.dumps(fields, ensure_ascii=False)


def shift(start: int, end: int, step: int = 10, state: str = "running") -> list[str]:
    """A machine that makes a pair each ten seconds and draws 3.6 kW."""
    made: list[str] = []
    for second in range(start, end, step):
        made.append(line(second, "state", state))
        made += [line(second, f"count_{side}", second // 10) for side in ("left", "right")]
        made.append(line(second, "energy", round(second * 0.001, 3)))
    return made


def write(folder: Path, lines: Iterable[str], site: str = SITE) -> tuple[Path, Path]:
    """Write a site file and a trace."""
    paths = folder / "site.yaml", folder / "trace.jsonl"
    paths[0].write_text(site, "utf-8")
    paths[1].write_text("\n".join(lines) + "\n", "utf-8")
    return paths


def replayed(
    folder: Path, lines: Iterable[str], site: str = SITE, until_ms: int | None = None
) -> list[dict[str, Any]]:
    """The records, each with its class as `class` and its asset as `asset`."""
    stage = set_up(*write(folder, lines, site))
    canonical = Canonical(stage.plant.identity)
    return [
        {
            "class": record.cls,
            "asset": record.asset,
            **json.loads(canonical.payload(record, hist=False)),
        }
        for record in Player(stage).play(polls(stage), until_ms)
    ]


def windows(records: Iterable[dict[str, Any]], cls: str, kind: str) -> list[dict[str, Any]]:
    """The records of a class and a kind of window, in order; but for those of lines and sites."""
    return [
        one
        for one in records
        if one["class"] == cls and one["win"]["kind"] == kind and not one["asset"].startswith("_")
    ]
