"""`nxgate profile test`: traces beside a profile, and what is expected of them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.tracing.expectation import agrees
from gateway.tracing.window import NoWindow, Wanted, wanted
from tests.kpi_traces import HOUR, SHANGHAI, T0
from tests.traces import shift, write

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

MINE = """\
profile: mine
extends: shoes
version: 1.0.0
name: {zh: 本厂, en: Ours}
"""
DAY = date(2026, 9, 22)
RIGHT = """\
until: 2026-09-22T02:00
expect:
  - asset: last-1
    window: hour@2026-09-22T00:30
    figures: {a: 1, p: 359/360, time_s.run: 3600, total: 359, q: null, reason: no_quality}
  - {asset: last-1, window: 2026-09-22T01:00, figures: {unknown: 3510.0, basis.state: plc}}
  - {asset: last-1, window: hour@2026-09-22T00:00, class: energy, figures: {use: 3.6, est: false}}
  - {asset: last-1, at: "2026-09-22T01:30", figures: {state: offline}}
"""


def tried(folder: Path, expected: str, lines: list[str] | None = None) -> Result:
    site, trace = write(folder, lines or shift(0, 3700))
    (folder / "trace.expected.yaml").write_text(expected, "utf-8")
    assert site.exists()
    assert trace.exists()
    return CliRunner().invoke(cli, ["profile", "test", str(folder)])


def test_figures_as_expected_are_ok(tmp_path: Path) -> None:
    ended = tried(tmp_path, RIGHT)
    assert ended.output == f"{tmp_path.name}/trace: ok, 11 figures\n"
    assert ended.exit_code == 0


def test_each_figure_that_differs_is_told_with_both_and_its_place(tmp_path: Path) -> None:
    wrong = RIGHT.replace("359/360", "360/360").replace("q: null", "q: 1").replace("use:", "uses:")
    ended = tried(tmp_path, wrong.replace("state: offline", "state: idle"))
    assert ended.exit_code == 1
    first, *told = ended.output.splitlines()
    place = f"  {tmp_path / 'trace.expected.yaml'}"
    assert first == f"{tmp_path.name}/trace: FAILED"
    assert told == [
        f"{place}:5: last-1 hour@2026-09-22T00:30 p: expected 360/360, got 0.9972222222222222",
        f"{place}:5: last-1 hour@2026-09-22T00:30 q: expected 1, got null",
        f"{place}:7: last-1 hour@2026-09-22T00:00 uses: expected 3.6, got nothing of that name",
        f"{place}:8: last-1 2026-09-22T01:30 state: expected idle, got offline",
    ]


def test_a_record_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    ended = tried(tmp_path, RIGHT.replace("00:30", "05:30"))
    assert ended.exit_code == 1
    assert "last-1: no oee record of hour@2026-09-22T05:30" in ended.output


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("hour@2026-09-22T00:30", "minute@12"), ":4:13: expect[0].window: minute@12 is no"),
        (("until: 2026-09-22T02:00", "until: noon"), ":1:8: until: noon is no time"),
        (("asset: last-1\n", "asset: last-1\n    at: now\n"), "one of window and at"),
        (("total: 359", "total: [359]"), "expect[0].figures.total"),
        (
            ("asset: last-1, at", "asset: last-2, at"),
            ":8:13: expect[3].asset: there is no asset last-2: did you mean last-1?",
        ),
    ],
)
def test_faults_of_an_expectation_have_their_place(
    tmp_path: Path, change: tuple[str, str], what: str
) -> None:
    ended = tried(tmp_path, RIGHT.replace(*change))
    assert ended.exit_code == 2
    assert what in ended.stderr


def test_faults_of_a_trace_leave_its_case_untried(tmp_path: Path) -> None:
    ended = tried(tmp_path, RIGHT, ["{"])
    assert ended.exit_code == 2
    assert f"{tmp_path.name}/trace: not tried" in ended.output
    assert "trace.jsonl:1:1:" in ended.stderr


def test_without_cases_nothing_was_tested(tmp_path: Path) -> None:
    ended = CliRunner().invoke(cli, ["profile", "test", str(tmp_path)])
    assert ended.exit_code == 2
    assert "there are no cases" in ended.stderr


def test_a_profile_of_ones_own_is_tried_where_the_site_names_none(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    profile = tmp_path / "mine.yaml"
    profile.write_text(MINE, "utf-8")
    write(folder, shift(0, 3700))
    (folder / "site.yaml").write_text(
        (folder / "site.yaml").read_text("utf-8").replace(", industry: shoes", ""), "utf-8"
    )
    expected = RIGHT.replace("until", "tolerance: 1.0e-9\nuntil")
    (folder / "trace.expected.yaml").write_text(expected, "utf-8")
    ended = CliRunner().invoke(cli, ["profile", "test", str(profile)])
    assert ended.output == "mine/trace: ok, 11 figures\n"


def test_the_shipped_profiles_keep_what_their_traces_promise() -> None:
    ended = CliRunner().invoke(cli, ["profile", "test"])
    assert ended.exit_code == 0, ended.output


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("latest", Wanted("hour")),
        ("today", Wanted("day", at=DAY)),
        ("yesterday", Wanted("day", at=date(2026, 9, 21))),
        ("2026-09-22", Wanted("day", at=DAY)),
        ("2026-09-22T01:00", Wanted("hour", at=T0 + HOUR)),
        ("hour@2026-09-21T17:00+00:00", Wanted("hour", at=T0 + HOUR)),
        ("shift:night@2026-09-22", Wanted("shift", "night", DAY)),
        ("shift", Wanted("shift")),
        ("order:A@7", Wanted("order", "A@7")),
    ],
)
def test_windows_go_by_names_that_people_use(text: str, meant: Wanted) -> None:
    if text == "order:A@7":
        with pytest.raises(NoWindow):
            wanted(text, SHANGHAI, DAY)
    else:
        assert wanted(text, SHANGHAI, DAY) == meant


@pytest.mark.parametrize(
    ("figure", "got", "alike"),
    [
        ("373/420", 373 / 420, True),
        (1_000_000.0001, 1_000_000, True),
        (0.5, 0.5 + 2e-9, False),
        (0, None, False),
        (None, 0, False),
        (None, None, True),
        (1, True, False),
        (True, True, True),
        ("no_run", "no_run", True),
        (7, "7", False),
    ],
)
def test_figures_agree_to_the_tolerance_and_in_kind(
    figure: float | str | None, got: float | str | None, *, alike: bool
) -> None:
    assert agrees(figure, got, 1e-9) is alike
