"""Every wrong profile and extension of `profile/`, each with the golden messages that it gives.

A folder holds `profile.yaml`, or `extra.yaml` for an extension of a shipped profile, and what
these extend. `nxgate profile check` tells the messages, and a site file that names them too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import checking
from gateway.cli import cli
from gateway.errors import Fault

CASES = Path(__file__).parent / "profile"
SLUGS = sorted(folder.name for folder in CASES.iterdir())
SHOES = Path(__file__).parents[2] / "profiles" / "industries" / "shoes.yaml"
SITE = """\
site: {{cluster: a, enterprise: b, site: c, gateway: d, timezone: Asia/Shanghai, {names}}}
"""


@pytest.fixture
def checked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a case that is checked, from its own folder."""
    monkeypatch.chdir(CASES / request.param)
    extension = Path("extra.yaml")
    return extension if extension.exists() else Path("profile.yaml")


@pytest.mark.parametrize("checked", SLUGS, indirect=True)
def test_a_wrong_profile(checked: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(cli, ["profile", "check", str(checked), "--json"])
    assert run.exit_code == 2
    told = json.loads(run.output)
    assert (told["ok"], told["profile"]) == (False, None)
    faults = [Fault(**fault) for fault in told["faults"]]
    found = "".join(f"{fault}  [{fault.code}]\n" for fault in faults)
    expected = Path("expected.txt")
    if os.environ.get("NXGATE_WRITE_GOLDEN"):
        expected.write_text(found, "utf-8")
    assert found
    assert found == expected.read_text("utf-8")
    for fault in faults:
        assert fault.line
        assert Path(fault.file).exists()
    if checked.name != "extra.yaml" or faults[0].code != "unknown-profile":
        # A site names the profile itself, so it says that such an extension is of another one.
        assert {_place(fault) for fault in faults} <= _told_by_a_site(checked, tmp_path)


def _told_by_a_site(checked: Path, folder: Path) -> set[tuple[object, ...]]:
    """Load a site that names the profile, or shoes with the extension."""
    for file in Path().glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    names = "industry: ./profile.yaml"
    if checked.name == "extra.yaml":
        names = "industry: shoes, extensions: [extra.yaml]"
    site = folder / "site.yaml"
    site.write_text(SITE.format(names=names), "utf-8")
    return {_place(fault) for fault in checking.examine(site)[0]}


def test_the_command_tells_faults_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES / "unknown-key")
    run = CliRunner().invoke(cli, ["profile", "check", "profile.yaml"])
    assert run.exit_code == 2
    golden = Path("expected.txt").read_text("utf-8").splitlines()
    assert run.output.splitlines() == [line.rpartition("  [")[0] for line in golden]


def test_a_profile_and_an_extension_without_faults(tmp_path: Path) -> None:
    extra = tmp_path / "extra.yaml"
    extra.write_text("extends: shoes\ntypes: {toe-lasting: {micro_stop: 30s}}\n", "utf-8")
    run = CliRunner().invoke(cli, ["profile", "check", str(extra)])
    assert run.exit_code == 0
    assert f"{extra}: no faults, shoes@" in run.output
    run = CliRunner().invoke(cli, ["profile", "check", str(SHOES), "--json"])
    assert run.exit_code == 0
    assert json.loads(run.output)["profile"].startswith("shoes@")


def _place(fault: Fault) -> tuple[object, ...]:
    return (Path(fault.file).name, fault.line, fault.column, fault.code, fault.what)


def test_there_are_many() -> None:
    assert len(SLUGS) >= 60
