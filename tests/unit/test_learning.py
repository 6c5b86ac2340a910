"""What is learnt from recordings whose truth is known."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from gateway.checking import examine
from gateway.cli import cli
from gateway.deriving.levels import LevelMeter
from gateway.learning.breaks import breaks
from gateway.learning.proposal import NoProposal, Proposal, propose
from gateway.learning.recording import record_of
from tests.kpi_traces import T0
from tests.recordings import Recorded, recorded

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai, industry: common}
devices:
  meter-1:
    link: modbus+tcp://10.0.0.5:502
    tags: {kw: {at: holding:0, kind: f32, unit: kW}}
"""
FOUR = {"off": 0.0, "standby": 0.3, "idle": 2.0, "run": 7.0}


def learnt(folder: Path, of: Recorded, *, by_labels: bool, late_s: int = 0) -> Proposal:
    path = of.write(folder, labels=by_labels, late_s=late_s)
    return propose(record_of(path, "press-1"), by_labels=by_labels)


def right(found: Proposal, of: Recorded) -> float:
    """Share of the time that the levels tell as it was."""
    meter = LevelMeter(found.levels, 60_000)
    told = dict(
        one
        for second, power in enumerate(of.powers)
        for one in meter.take(T0 + second * 1000, power)
    )
    good = [told[T0 + n * 1000] == was for n, was in enumerate(of.truth) if T0 + n * 1000 in told]
    return sum(good) / len(good)


@pytest.mark.parametrize("by_labels", [False, True], ids=["alone", "noted"])
@pytest.mark.parametrize(
    ("kw", "how"),
    [
        ({"idle": 2, "run": 7}, {}),
        ({"off": 0.0, "run": 0.6}, {"noise": 0.02}),
        ({"off": 0.0, "idle": 2, "run": 7}, {"peaks": 2, "drift": 0.1}),
        ({"standby": 0.4, "idle": 4, "run": 15}, {"peaks": 4}),
        (FOUR, {"peaks": 1.5, "drift": 0.1, "noise": 0.1}),
        ({"off": 0.1, "standby": 3, "idle": 15, "run": 110}, {"peaks": 1, "noise": 0.15}),
    ],
    ids=["two", "small", "three", "strong-peaks", "four", "large"],
)
def test_clean_recordings_are_told_right(
    tmp_path: Path, kw: dict[str, float], how: dict[str, float], *, by_labels: bool
) -> None:
    of = recorded(kw, **how)  # type: ignore[arg-type]
    found = learnt(tmp_path, of, by_labels=by_labels, late_s=3 if by_labels else 0)
    assert [band.name for band in found.bands] == list(kw)
    assert right(found, of) >= 0.99
    assert found.right >= 0.985  # labels that are late count against it
    assert not found.joined
    assert max(edge.overlap for edge in found.edges) < 0.02


@pytest.mark.parametrize("noise", [0.05, 0.08, 0.14])
def test_what_overlaps_is_stated_as_it_is(tmp_path: Path, noise: float) -> None:
    of = recorded({"idle": 4.0, "run": 5.0}, noise=noise)
    if noise == 0.14:
        with pytest.raises(NoProposal, match=r"only \d+%|can't be told apart"):
            learnt(tmp_path, of, by_labels=True)
        return
    found = learnt(tmp_path, of, by_labels=True)
    [edge] = found.edges
    at = edge.at
    rows = list(zip(of.powers, of.truth, strict=True))
    wrong = [
        sum((power >= at) == (name == "idle") for power, was in rows if was == name)
        / of.truth.count(name)
        for name in ("idle", "run")
    ]
    assert edge.overlap == pytest.approx(sum(wrong) / 2, abs=0.005)
    assert found.right == pytest.approx(right(found, of), abs=0.005)
    if noise == 0.05:
        assert found.right > 0.99
    else:
        assert edge.overlap > 0.05


@pytest.mark.parametrize(
    ("kw", "how", "by_labels", "says"),
    [
        ({"idle": 4.0, "run": 4.5}, {"noise": 0.2}, True, "idle and run can't be told apart"),
        ({"idle": 4.0, "run": 4.5}, {"noise": 0.2}, False, "falls into no levels"),
        ({"run": 5.0, "idle": 5.0}, {}, False, "falls into no levels"),
        ({"idle": 2.0, "run": 7.0}, {"hours": 0.1}, False, "too few"),
    ],
)
def test_it_refuses_where_power_does_not_tell(
    tmp_path: Path, kw: dict[str, float], how: dict[str, float], says: str, *, by_labels: bool
) -> None:
    with pytest.raises(NoProposal, match=says):
        learnt(tmp_path, recorded(kw, **how), by_labels=by_labels)  # type: ignore[arg-type]


def test_levels_below_run_that_are_one_are_joined_and_named(tmp_path: Path) -> None:
    of = recorded({"standby": 2.0, "idle": 2.1, "run": 9.0}, noise=0.1)
    found = learnt(tmp_path, of, by_labels=True)
    [(low, high, overlap)] = found.joined
    assert (low, high) == ("standby", "idle")
    assert overlap > 0.3
    assert [band.name for band in found.bands] == ["standby", "run"]


def test_strokes_are_no_levels(tmp_path: Path) -> None:
    """A press that strokes each 10 s and then stands: its strokes are told from its standing."""
    dice = random.Random(3)
    strokes = [round(dice.gauss(12 if n % 10 < 4 else 5, 0.2), 3) for n in range(3000)]
    stands = [round(dice.gauss(0.5, 0.02), 3) for _n in range(3000)]
    powers = [
        power
        for n in range(0, 3000, 300)
        for power in (*strokes[n : n + 300], *stands[n : n + 300])
    ]
    found = learnt(tmp_path, Recorded(powers, ["run"] * 6000), by_labels=False)
    assert found.strokes
    assert [band.name for band in found.bands] == ["idle", "run"]
    with pytest.raises(NoProposal, match="count its strokes instead"):
        learnt(tmp_path, Recorded(strokes, ["run"] * 3000), by_labels=False)


def test_breaks_of_nothing_but_noise() -> None:
    dice = random.Random(5)
    assert breaks([dice.gauss(5, 0.5) for _n in range(5000)], [1] * 5000) == []
    assert breaks([5.0] * 100, [1] * 100) == []


def run(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(cli, ["learn", *arguments])
    return ended.exit_code, ended.stdout, ended.stderr


def test_what_is_printed_can_be_pasted_and_is_sound(tmp_path: Path) -> None:
    path = recorded(FOUR, hours=1).write(tmp_path, labels=True)
    code, out, _err = run("press-1", "--from", str(path), "--labels")
    assert code == 0
    comments = [line for line in out.splitlines() if line.startswith("#")]
    assert any("told right with these settings" in line for line in comments)
    assert any("overlap at run" in line for line in comments)
    piece = yaml.safe_load(out)["assets"]["press-1"]
    assert list(piece["levels"]) == ["standby", "idle", "run", "hysteresis", "dwell"]
    whole = SITE + out.replace(
        "  press-1:\n", "  press-1:\n    type: machine\n    bind: {power: meter-1.kw}\n"
    )
    site = tmp_path / "site.yaml"
    site.write_text(whole, "utf-8")
    faults, _notices = examine(site)
    assert not faults
    code, out, _err = run("press-1", "--from", str(path), "--site", str(site), "--no-labels")
    assert code == 0
    assert f"the levels in {site}:" in out
    assert "by the power alone" in out


def test_faults_of_a_recording_name_its_lines(tmp_path: Path) -> None:
    path = recorded(FOUR, hours=0.5).write(tmp_path)
    code, _out, err = run("press-2", "--from", str(path))
    assert (code, "the recording tells of press-1" in err) == (2, True)
    code, _out, err = run("press-1", "--from", str(path), "--labels")
    assert (code, "fewer than two levels are noted" in err) == (2, True)
    text = path.read_text("utf-8")
    row = '{"t": 1790006400000, "asset": "press-1", "signal": "state", "value": "dancing"}\n{\n'
    path.write_text(row + text, "utf-8")
    code, _out, err = run("press-1", "--from", str(path))
    assert code == 2
    assert f"{path}:1:1: dancing is no label" in err
    assert f"{path}:2:" in err
    site = tmp_path / "site.yaml"
    site.write_text(SITE + "assets: {press-7: {type: machine, bind: {power: meter-1.kw}}}\n")
    code, _out, err = run("press-1", "--from", str(path), "--site", str(site))
    assert (code, "did you mean press-7?" in err) == (2, True)


def test_a_machine_s_own_words_for_its_states_are_those_of_the_site_file(tmp_path: Path) -> None:
    path = recorded(FOUR, hours=0.5).write(tmp_path)
    row = '{"t": 1790006400000, "asset": "press-1", "signal": "state", "value": 1}\n'
    path.write_text(row + path.read_text("utf-8"), "utf-8")
    code, _out, err = run("press-1", "--from", str(path))
    assert (code, "or give --site" in err) == (2, True)
    assert run("press-1", "--from", str(path), "--no-labels")[0] == 0
    site = tmp_path / "site.yaml"
    press = "press-1: {type: machine, bind: {power: meter-1.kw}, states: {1: running}}"
    site.write_text(f"{SITE}assets: {{{press}}}\n")
    assert run("press-1", "--from", str(path), "--site", str(site))[0] == 0


def test_a_refusal_says_so_and_ends_with_one(tmp_path: Path) -> None:
    path = recorded({"run": 5.0, "idle": 5.0}, hours=0.5).write(tmp_path)
    code, out, err = run("press-1", "--from", str(path))
    assert (code, out) == (1, "")
    assert err.startswith("press-1: the power, ")
