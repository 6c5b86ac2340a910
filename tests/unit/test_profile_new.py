"""`nxgate profile new`: what it writes is sound, and its trace leads to what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.authoring import starter
from gateway.authoring.check import examine
from gateway.cli import cli
from gateway.errors import ConfigError
from gateway.tracing import cases

if TYPE_CHECKING:
    from pathlib import Path

BASE = """\
profile: base
version: 1.0.0
extends: {extends}
name: {{zh: 基础, en: Base}}
"""


@pytest.mark.parametrize("extends", ["common", "shoes", "./base.yaml"])
def test_what_is_written_is_sound_and_its_figures_are_as_worked_out(
    extends: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "base.yaml").write_text(BASE.format(extends="common"), "utf-8")
    assert starter.write("tanning", tmp_path, extends) == 0
    industry, faults = examine(tmp_path / "tanning.yaml")
    assert faults == []
    assert industry is not None
    assert industry.version.startswith("tanning@0.1.0+")
    machine = industry.profile.types["first-machine"]
    assert "x_stop_minutes" in machine.kpis
    assert machine.signals["oven_error"].computed == "oven_temp - oven_set"
    assert cases.run(tmp_path / "tanning.yaml") == 0
    assert "two-hours: ok" in capsys.readouterr().out


def test_the_test_of_it_fails_once_the_profile_says_otherwise(tmp_path: Path) -> None:
    starter.write("tanning", tmp_path, "common")
    path = tmp_path / "tanning.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("micro_stop: 2min", "micro_stop: 30s"), "utf-8")
    assert cases.run(path) == 1


@pytest.mark.parametrize(
    ("name", "extends", "code"),
    [
        ("Tanning", "common", "bad-name"),
        ("shoes", "common", "duplicate-name"),
        ("tanning", "comon", "unknown-profile"),
        ("tanning", "./bare.yaml", "unknown-type"),
        ("tanning", "./faulty.yaml", "unknown-profile"),
    ],
)
def test_what_cannot_become_a_profile_is_refused_and_nothing_is_written(
    name: str, extends: str, code: str, tmp_path: Path
) -> None:
    bare = "types: {meter: {name: {zh: 表, en: Meter}, kind: meter, counting: none, windows: [day],"
    bare += " signals: {energy: {layer: N, kind: register, unit: kWh, name: {zh: 电, en: E}}}}}\n"
    head = BASE.replace("extends: {extends}\n", "").format()
    (tmp_path / "bare.yaml").write_text(head + bare, "utf-8")
    (tmp_path / "faulty.yaml").write_text(BASE.format(extends="comon"), "utf-8")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError) as caught:
        starter.write(name, tmp_path, extends)
    assert [fault.code for fault in caught.value.faults] == [code]
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "tanning").mkdir()
    (tmp_path / "tanning" / "site.yaml").write_text("mine\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        starter.write("tanning", tmp_path, "common")
    assert [fault.code for fault in caught.value.faults] == ["file-exists"]
    assert not (tmp_path / "tanning.yaml").exists()


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(ConfigError) as caught:
        starter.write("tanning", tmp_path / "file", "common")
    assert [fault.code for fault in caught.value.faults] == ["unwritable"]


def test_the_command_writes_into_the_folder_that_it_is_given(tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["profile", "new", "tanning", str(tmp_path / "made")])
    assert run.exit_code == 0
    assert (tmp_path / "made" / "tanning.yaml").exists()
    assert "profile test" in run.output
