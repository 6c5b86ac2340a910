"""However a site file, a profile or an extension is mangled, people get sentences, no traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import config
from gateway.authoring.check import examine
from gateway.errors import ConfigError, Fault
from gateway.loading import receive
from gateway.resolution.industry import load_profile
from gateway.sending import send
from gateway.templates import Drivers, resolve

ROOT = Path(__file__).parent.parent.parent
SCENARIOS = ROOT / "simulators" / "scenarios"
SITE = (SCENARIOS / "workshop.site.yaml").read_text("utf-8")
EXTENSION = (SCENARIOS / "workshop.x.yaml").read_text("utf-8")
PROFILE = (ROOT / "profiles" / "industries" / "shoes.yaml").read_text("utf-8")
STARTER = (ROOT / "gateway" / "authoring" / "starter.profile.yaml").read_text("utf-8")
STARTER = STARTER.replace("NAME", "own").replace("BASE", "common")
OVER = """\
profile: over
version: 1.0.0
extends: ./base.yaml
name: {zh: 上, en: Over}
types:
  second: {extends: first-machine, name: {zh: 二, en: Second}}
"""
ADDED = """\
extends: own
states: {läuft: running}
reasons: {breakdown: {of: {oven: {of: {door: {name: {zh: 门, en: Door}, codes: [E13]}}}}}}
kpis:
  x_share: {layer: X, unit: "", name: {zh: 比, en: Share}, is: "a * p", types: [first-machine]}
types:
  first-machine:
    micro_stop: 30s
    signals: {flow: {layer: X, kind: number, unit: m3/h, name: {zh: 流, en: Flow}, is: "power"}}
"""
TOKEN = re.compile(r"[A-Za-z0-9_./:+-]+")
ODD = ["{}", "[]", "null", "7", "-1", "1e9", "true", '""', "[1]", "{a: 1}", "1s", "é", "_x", "*"]


@st.composite
def mangled(draw: st.DrawFn, text: str) -> str:
    """A text with some words exchanged and some lines left out."""
    words = st.sampled_from([*sorted(set(TOKEN.findall(text))), *ODD])
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            found = list(TOKEN.finditer(text))
            match = found[draw(st.integers(0, len(found) - 1))]
            text = text[: match.start()] + draw(words) + text[match.end() :]
        else:
            lines = text.split("\n")
            del lines[draw(st.integers(0, len(lines) - 1))]
            text = "\n".join(lines)
    return text


def check(faults: list[Fault]) -> None:
    for fault in faults:
        assert fault.what
        assert fault.next
        assert re.fullmatch(r"[a-z0-9-]+", fault.code)
        assert (fault.line == 0) == (fault.column == 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mangled")
    (made / "workshop.x.yaml").write_text(EXTENSION, "utf-8")
    return made


FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(text=mangled(SITE))
def test_a_mangled_site_file(folder: Path, text: str) -> None:
    path = folder / "site.yaml"
    path.write_text(text, "utf-8")
    try:
        site, faults = config.read(path)
    except ConfigError as error:
        check(error.faults)
        return
    plant, more = resolve(site, Drivers())
    check([*faults, *more, *plant.notices])
    assert receive(send(plant)) is not None


@FEW
@given(text=mangled(EXTENSION))
def test_a_mangled_extension(folder: Path, text: str) -> None:
    path = folder / "extra.yaml"
    path.write_text(text, "utf-8")
    industry, faults = load_profile("shoes", folder, [path])
    assert (industry is None) == bool(faults)
    check(faults)
    assert {fault.file for fault in faults} <= {str(path)}


@FEW
@given(text=mangled(PROFILE))
def test_a_mangled_profile(folder: Path, text: str) -> None:
    (folder / "own.yaml").write_text(text, "utf-8")
    industry, faults = load_profile("./own.yaml", folder)
    assert (industry is None) == bool(faults)
    check(faults)


@FEW
@given(text=mangled(STARTER))
def test_a_mangled_profile_that_extends_one(folder: Path, text: str) -> None:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    industry, faults = examine(path)
    assert (industry is None) == bool(faults)
    check(faults)


@FEW
@given(text=mangled(STARTER))
def test_a_profile_over_a_mangled_one(folder: Path, text: str) -> None:
    (folder / "base.yaml").write_text(text, "utf-8")
    (folder / "over.yaml").write_text(OVER, "utf-8")
    industry, faults = load_profile("./over.yaml", folder)
    assert (industry is None) == bool(faults)
    check(faults)


@FEW
@given(text=mangled(ADDED))
def test_a_mangled_extension_that_adds(folder: Path, text: str) -> None:
    (folder / "own.yaml").write_text(STARTER, "utf-8")
    path = folder / "added.yaml"
    path.write_text(text, "utf-8")
    industry, faults = load_profile("./own.yaml", folder, [path])
    assert (industry is None) == bool(faults)
    check(faults)
    assert {fault.file for fault in faults} <= {str(path)}
    assert examine(path)[1] or not faults
