"""A firm's own figures, from its extension to the record."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.traces import line, replayed, windows

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site:
  {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai, industry: common,
   extensions: [./own.x.yaml]}
assets:
  press-1: {type: machine, ideal_cycle: 10s}
"""
EXTENSION = """\
extends: common
kpis:
  x_min_per_piece:
    {layer: X, unit: min, name: {zh: 每件分钟, en: Minutes a piece}, types: [machine],
     is: "round(time_s.run / 60 / count.total, 3)"}
  x_lost:
    {layer: X, unit: "", name: {zh: 损失, en: Lost}, types: [machine], is: "1 - oee_by_count"}
  x_kwh_per_kg:
    {layer: X, unit: kWh/kg, name: {zh: 每公斤电耗, en: kWh per kg}, types: [machine],
     is: "use / (good * 0.25)"}
  x_peak_share:
    {layer: X, unit: "", name: {zh: 负荷率, en: Load}, types: [machine],
     is: "max_kw / 8 if max_kw > 0 else 0"}
"""


def test_own_figures_are_told_in_the_record_that_they_are_computed_from(tmp_path: Path) -> None:
    (tmp_path / "own.x.yaml").write_text(EXTENSION, "utf-8")
    lines: list[str] = []
    for second in range(0, 3700, 10):
        lines.append(line(second, "state", "running", "press-1"))
        lines.append(line(second, "count", second // 20, "press-1"))
        lines.append(line(second, "reject", 0, "press-1"))
        lines.append(line(second, "energy", second * 0.001, "press-1"))
    records = replayed(tmp_path, lines, SITE)
    [hour] = windows(records, "oee", "hour")
    assert hour["kpi"]["x_min_per_piece"] == round(60 / 179, 3)
    assert math.isclose(hour["kpi"]["x_lost"], 1 - 1790 / 3600)
    assert "x_kwh_per_kg" not in hour["kpi"]
    [energy] = windows(records, "energy/electricity", "hour")
    assert math.isclose(energy["kpi"]["x_kwh_per_kg"], 3.6 / (179 * 0.25))
    assert math.isclose(energy["kpi"]["x_peak_share"], 3.6 / 8)
    assert "x_lost" not in energy["kpi"]


def test_own_figures_without_a_basis_are_null(tmp_path: Path) -> None:
    (tmp_path / "own.x.yaml").write_text(EXTENSION, "utf-8")
    lines = [line(second, "state", "idle", "press-1") for second in range(0, 3700, 10)]
    [hour] = windows(replayed(tmp_path, lines, SITE), "oee", "hour")
    assert hour["kpi"]["x_min_per_piece"] is None
    assert hour["kpi"]["x_lost"] is None
