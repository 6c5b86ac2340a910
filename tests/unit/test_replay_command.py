"""Traces: their format and its faults, and the records that a replay tells."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.tracing.steps import Steps
from tests.kpi_traces import HOUR, T0
from tests.traces import at, line, replayed, shift, windows, write

if TYPE_CHECKING:
    from pathlib import Path

GOOD = line(0, "state", "running")


@pytest.mark.parametrize(
    ("raw", "key", "what"),
    [
        ("nothing", "", "no JSON"),
        ("[]", "", "an object"),
        (GOOD.replace('"t"', '"time"'), "time", "time is no key"),
        ('{"asset": "last-1", "signal": "count_left", "value": 1}', "", "t is missing"),
        (GOOD.replace("+08:00", ""), "t", "no offset"),
        (GOOD.replace(at(0), "yesterday"), "t", "yesterday is no time"),
        (
            '{"t": 1790006400, "asset": "last-1", "signal": "state", "value": 1}',
            "t",
            "2000 to 2099",
        ),
        (GOOD.replace("last-1", "lest-1"), "asset", "no asset lest-1"),
        (GOOD.replace('"state"', '"stat"'), "signal", "no signal stat"),
        (line(0, "count_left", "12"), "value", "is a number"),
        (line(0, "running", 7), "value", "true or false"),
        (line(0, "state", None), "value", "must be a number, a text"),
        (line(0, "state", "running", q="odd"), "q", "q must be bad"),
        (line(0, "state", "running", mono=-1), "mono", "mono"),
        ('{"t": 1790006400000, "asset": "last-1", "signal": "state"}', "", "value is missing"),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_what_to_do(
    tmp_path: Path, raw: str, key: str, what: str
) -> None:
    site, trace = write(tmp_path, [GOOD, raw, GOOD, raw])
    ended = CliRunner().invoke(cli, ["replay", str(site), str(trace)])
    assert ended.exit_code == 2
    assert ended.stdout == ""
    first, second = ended.stderr.splitlines()
    column = raw.index(f'"{key}"') + 1 if key else 1
    assert first.startswith(f"{trace}:2:{column}: ")
    assert what in first
    assert first.count(": ") >= 2, "what to do next"
    assert second == first.replace(":2:", ":4:", 1)


def test_faults_are_counted_beyond_a_hundred(tmp_path: Path) -> None:
    site, trace = write(tmp_path, ["{"] * 250)
    ended = CliRunner().invoke(cli, ["replay", str(site), str(trace)])
    assert ended.exit_code == 2
    assert len(ended.stderr.splitlines()) == 101
    assert "150 more lines are wrong" in ended.stderr


def test_the_nearest_asset_and_signal_are_named(tmp_path: Path) -> None:
    wrong = [GOOD.replace("last-1", "last-2"), line(0, "count_lef", 1)]
    ended = CliRunner().invoke(cli, ["replay", *map(str, write(tmp_path, wrong))])
    assert "did you mean last-1?" in ended.stderr
    assert "did you mean count_left?" in ended.stderr


def test_a_file_that_is_not_there_or_cut_short_is_a_fault(tmp_path: Path) -> None:
    site, trace = write(tmp_path, [GOOD] * 1000)
    packed = gzip.compress(trace.read_bytes())
    trace.write_bytes(packed[:-20])
    ended = CliRunner().invoke(cli, ["replay", str(site), str(trace)])
    assert ended.exit_code == 2
    assert "can't be read" in ended.stderr
    trace.unlink()
    ended = CliRunner().invoke(cli, ["replay", str(site), str(trace)])
    assert ended.exit_code == 2


def test_the_bytes_are_the_payload_with_its_place_and_the_same_each_time(tmp_path: Path) -> None:
    site, trace = write(tmp_path, shift(0, 3700))
    told = [CliRunner().invoke(cli, ["replay", str(site), str(trace)]).stdout for _turn in (1, 2)]
    assert told[0] == told[1]
    sent = CliRunner().invoke(cli, ["replay", "--format", "mqtt", str(site), str(trace)]).stdout
    records = told[0].splitlines()
    assert len(records) == len(sent.splitlines()) >= 3
    for number, (placed, message) in enumerate(zip(records, sent.splitlines(), strict=True), 1):
        topic, _space, payload = message.partition(" ")
        fields = json.loads(placed)
        place = [fields.pop(name) for name in ("line", "asset", "class")]
        assert topic == "/".join(["cii/v1/c/e/s", *place])
        assert json.dumps(fields) == json.dumps(json.loads(payload))
        assert placed.endswith(payload[1:])
        assert fields["id"] == f"gw-01:1:{number}"
    trace.write_bytes(gzip.compress(trace.read_bytes()))
    packed = CliRunner().invoke(cli, ["replay", str(site), str(trace)]).stdout
    assert packed == told[0]


def hours(tmp_path: Path, lines: list[str], until_ms: int | None = None) -> list[dict[str, Any]]:
    return windows(replayed(tmp_path, lines, until_ms=until_ms), "oee", "hour")


def test_figures_follow_from_what_the_trace_tells(tmp_path: Path) -> None:
    """Nothing is bound in the site file; what is told counts as bound."""
    records = replayed(tmp_path, shift(0, 3601))
    (hour,) = windows(records, "oee", "hour")
    assert hour["time_s"]["run"] == 3600
    assert hour["count"]["total"] == 359
    assert hour["a"] == 1
    assert hour["q"] is None
    (energy,) = windows(records, "energy/electricity", "hour")
    assert energy["use"] == 3.6
    assert records[0]["state"] == "running"


def test_a_window_that_ends_within_the_time_out_after_the_last_line_is_over(
    tmp_path: Path,
) -> None:
    (hour,) = hours(tmp_path, shift(0, 3600))
    assert hour["time_s"]["run"] == 3600
    assert hours(tmp_path, shift(0, 3500)) == []


def test_time_may_pass_on_after_the_trace(tmp_path: Path) -> None:
    first, second = hours(tmp_path, shift(0, 3700), until_ms=T0 + 2 * HOUR)
    assert first["time_s"]["run"] == 3600
    assert second["time_s"]["run"] == 90
    assert second["time_s"]["unknown"] == 3510


def test_lines_far_apart_make_the_time_out_longer(tmp_path: Path) -> None:
    (hour,) = hours(tmp_path, shift(0, 3601, step=60))
    assert hour["time_s"]["run"] == 3600
    assert hour["coverage"] == 1


def test_what_no_sensor_gives_is_taken_for_unread(tmp_path: Path) -> None:
    """Registers in the wrong order make 1e308 of anything; no figure breaks by it."""

    def lines(*odd: float) -> list[str]:
        made: list[str] = []
        for second in range(0, 3700, 10):
            made += [line(second, "state", "running"), line(second, "count_left", second // 10)]
            made += [line(second, "operators", 2), line(second, "power", 3.6, "meter-1")]
        for value in odd:
            made += [line(3700, "state", "running"), line(3700, "operators", value)]
            made += [line(3700, "count_left", value), line(3700, "power", value, "meter-1")]
            made += [line(3710, "state", "running"), line(7300, "state", "running")]
            made += [line(3710, "power", value, "meter-1"), line(7300, "power", 3.6, "meter-1")]
        return made

    sane = replayed(tmp_path, lines())
    for value in (1e308, -1e308, 5e40, 1e-308):
        assert replayed(tmp_path, lines(value))[: len(sane) - 1] == sane[:-1]


def test_lines_months_apart_leave_the_time_between_them_unknown(tmp_path: Path) -> None:
    lines = [line(0, "state", "running"), line(90 * 86_400, "state", "running")]
    told = hours(tmp_path, lines, until_ms=T0 + 48 * HOUR)
    assert sum(one["time_s"]["unknown"] for one in told) >= 46 * 3600


def test_silence_is_unknown_from_the_last_value_on(tmp_path: Path) -> None:
    records = replayed(tmp_path, shift(0, 1210) + shift(1800, 3700))
    states = [(one["state"], one["since"] - T0) for one in records if one["class"] == "state"]
    assert states == [("running", 0), ("offline", 1_200_000), ("running", 1_800_000)]
    (hour,) = windows(records, "oee", "hour")
    assert hour["time_s"]["unknown"] == 600


def test_a_state_that_is_told_where_it_changes_holds_while_the_asset_speaks(
    tmp_path: Path,
) -> None:
    lines = [line(0, "state", "running"), line(1800, "state", "setup")]
    lines += [line(second, "energy", second / 1000) for second in range(0, 3700, 10)]
    lines.sort(key=lambda one: json.loads(one)["t"])
    (hour,) = hours(tmp_path, lines)
    assert (hour["time_s"]["run"], hour["time_s"]["setup"]) == (1800, 1800)
    assert hour["time_s"]["unknown"] == 0


def test_a_value_that_could_not_be_read_is_unknown_until_the_next(tmp_path: Path) -> None:
    bad = [line(1200, "state", None, q="bad"), line(1210, "state", 5, q="bad")]
    lines = shift(0, 1200) + bad + shift(1220, 3601)
    (hour,) = hours(tmp_path, lines)
    assert hour["time_s"]["unknown"] == 20


def test_late_lines_restate(tmp_path: Path) -> None:
    late = [line(3590, "count_left", 359), line(3590, "count_right", 359)]
    ahead = [*shift(0, 3590), line(3590, "state", "running")]
    lines = ahead + [line(3600 + s, "state", "running") for s in range(0, 60, 10)] + late
    told = hours(tmp_path, lines + [line(3660 + s, "state", "running") for s in range(0, 60, 10)])
    assert [(one["rev"], one["count"]["total"]) for one in told] == [(0, 358), (1, 359)]


def test_a_step_of_the_clock_that_mono_tells_is_none(tmp_path: Path) -> None:
    def lines(step: float) -> list[str]:
        return [
            line(second + (step if 1000 <= second < 2000 else 0), signal, value, mono=second + 5)
            for second in range(0, 3700, 10)
            for signal, value in (("state", "running"), ("count_left", second // 10))
        ]

    assert replayed(tmp_path, lines(7200)) == replayed(tmp_path, lines(0))
    assert replayed(tmp_path, lines(-0.3)) == replayed(tmp_path, lines(0))


def test_steps_are_told_from_late_lines_and_from_another_boot() -> None:
    steps = Steps()
    assert [steps.undone(t, mono) for t, mono in [(5000, 100.0), (6000, 1100.0)]] == [5000, 6000]
    assert steps.undone(5500, 600.0) == 5500, "late"
    assert steps.undone(99_000, 2100.0) == 7000, "a step"
    assert steps.undone(99_500, None) == 7500
    assert steps.undone(200_000, 50.0) == 200_000 - 92_000, "another boot"
    assert steps.count == 1


def test_what_comes_late_before_unknown_time_restates_where_the_fault_goes_on(
    tmp_path: Path,
) -> None:
    # A fault over the hour's end of which the middle can't be read, and the beginning comes late.
    def state(second: int) -> str:
        word = "fault" if 2800 <= second < 5000 else "running"
        told = json.loads(line(second, "state", word, "press-1"))
        return json.dumps({**told, "q": "bad"} if 3180 <= second < 3700 else told)

    def failures(seconds: list[int]) -> dict[int, float | None]:
        site = "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"
        site += "assets: {press-1: {ideal_cycle: 10s, micro_stop: 5min}}\n"
        told = windows(replayed(tmp_path, map(state, seconds), site), "oee", "hour")
        return {one["win"]["start"]: one["kpi"]["mtbf_s"] for one in told}

    turns = list(range(0, 9000, 10))
    late = [one for one in turns if not 2800 <= one < 3000]
    late[late.index(8000) : late.index(8000)] = range(2800, 3000, 10)
    assert failures(late) == failures(turns) == {T0: 3600, T0 + HOUR: None}
