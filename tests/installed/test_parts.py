"""What is installed, looked at by itself: pins, the wheel, the service's files, what it tells."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from deploy.pins import pins, requirements
from deploy.tree import PARTS, wheel

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy/systemd"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, found: set[str]) -> set[str]:
    """Whom a distribution needs here, as pip's own records have it."""
    for text in metadata.requires(name) or ():
        match = re.match(r"([A-Za-z0-9._-]+)", text)
        assert match is not None
        other = normal(match[1])
        if "extra ==" in text or other in found:
            continue
        try:
            metadata.distribution(other)
        except metadata.PackageNotFoundError:
            continue  # of another system, or of another Python
        found.add(other)
        needed(other, found)
    return found


def test_the_pins_are_what_runs_and_nothing_of_the_developers() -> None:
    names = set(pins())
    assert needed("nxgate", set()) <= names
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "pip-tools", "amqtt", "dlt645"}
    for block in pins().values():
        assert re.match(r"[\w.-]+==\S+", block)
        assert "--hash=sha256:" in block
    assert "://" not in requirements()


def test_the_wheel_holds_everything_and_runs_outside_of_the_clone(tmp_path: Path) -> None:
    made = wheel(tmp_path)
    with zipfile.ZipFile(made) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    command = ["git", "-C", str(ROOT), "ls-files", *PARTS]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(listed) > 500
    assert set(listed) <= held
    assert not any(name.startswith(("tests/", "deploy/")) for name in held)
    start = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import gateway; "
        f"assert gateway.__file__.startswith({str(tmp_path)!r}); "
        "from gateway.__main__ import main; main()"
    )
    shutil.copy(ROOT / "docs/sites/apparel.site.yaml", tmp_path / "apparel.site.yaml")
    for arguments in (("--lang", "zh", "check", "apparel.site.yaml"), ("schema", "site")):
        run = [sys.executable, "-I", "-c", start, *arguments]
        said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The service's files, each with the walls that both share."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for unit in UNITS.glob("*.service"):
        shutil.copy(unit, tmp_path)
        (tmp_path / f"{unit.name}.d").mkdir()
        shutil.copy(UNITS / "10-sandbox.conf", tmp_path / f"{unit.name}.d")
    return tmp_path


@pytest.mark.parametrize("name", ["nxgate.service", "nxgate@line-2.service"])
def test_systemd_takes_the_unit_and_its_walls(units: Path, name: str) -> None:
    if "@" in name:
        shutil.copy(units / "nxgate@.service", units / name)
        shutil.copytree(units / "nxgate@.service.d", units / f"{name}.d")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager"]
    said = subprocess.run([*command, units / name], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout[-300:] + said.stderr
    told = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert told is not None
    assert float(told[1]) <= 1.5
    verify = ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", units / name]
    said = subprocess.run(list(map(str, verify)), capture_output=True, text=True, check=False)
    ours = [line for line in said.stderr.splitlines() if "nxgate" in line]
    assert [line for line in ours if "/opt/nxgate/bin/nxgate" not in line] == []


def test_nothing_of_what_is_installed_names_a_mirror() -> None:
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    for path in files:
        if path.suffix in {".py", ".sh", ".in", ".service", ".conf", ".rules", ""}:
            assert not re.search(r"https?://(?!www\.debian\.org)", path.read_text("utf-8")), path


SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai}
devices:
  gone: {link: "modbus+tcp://127.0.0.1:1", tags: {n: {at: "holding:0", kind: u16}}}
publish:
  absent: {kind: mqtt, url: "mqtt://127.0.0.1:1"}
store: {path: store}
"""


def test_a_device_and_a_broker_that_are_gone_stop_no_feeding(tmp_path: Path) -> None:
    """As systemd sees it: ready, alive each second, stopping."""
    (tmp_path / "site.yaml").write_text(SITE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        running = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "site.yaml"],
            cwd=tmp_path,
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert listener.recv(1000).decode().splitlines()[0] == "READY=1"
            began = time.monotonic()
            assert [listener.recv(1000) for _second in range(3)] == [b"WATCHDOG=1"] * 3
            assert 1.5 < time.monotonic() - began < 15
        finally:
            running.terminate()
        told = listener.recv(1000)
        while told == b"WATCHDOG=1":
            told = listener.recv(1000)
        assert told.startswith(b"STOPPING=1")
        assert running.wait(20) == 0
