"""The package on a clean Debian 12: installed, begun, run, upgraded, rolled back, purged.

The Debian is booted with its own systemd, so that the service runs behind its real walls, and a
real watchdog ends it where it stands still.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.tree import MACHINES
from tests.installed import box

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LISTEN_S = 120


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of this machine's architecture."""
    said = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    arch = said.stdout.strip()
    assert arch in MACHINES
    out = tmp_path_factory.mktemp("deb")
    command = [sys.executable, "-m", "deploy.deb", arch, "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=900)
    (made,) = out.glob("*.deb")
    return made


@pytest.fixture(scope="module")
def seen(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What was seen at the box."""
    folder = tmp_path_factory.mktemp("box")
    root = folder / "root"
    box.make(root)
    shutil.copy(deb, root / "root/v1.deb")
    shutil.move(box.repacked(deb, "2", folder), root / "root/v2.deb")
    found = box.boot(root, LISTEN_S, 600)
    assert (found / "done").exists(), (found / "log").read_text()[-4000:]
    yield found
    shutil.rmtree(root, ignore_errors=True)


def text(seen: Path, name: str) -> str:
    return (seen / name).read_text("utf-8").strip()


pytestmark = [pytest.mark.soak, pytest.mark.root, pytest.mark.timeout(1800)]


def test_it_is_enabled_and_waits_for_a_site_file(seen: Path) -> None:
    assert text(seen, "enabled") == "enabled"
    assert text(seen, "without_site") == "inactive"
    assert text(seen, "site_mode") == "root:nxgate 640"


def test_it_runs_behind_its_walls_with_a_serial_line(seen: Path) -> None:
    assert set(text(seen, "running").splitlines()) == {"ActiveState=active", "StatusText=running"}
    process = dict(re.findall(r"^(\w+):\t(.*)$", text(seen, "process"), re.MULTILINE))
    assert "0" not in process["Uid"].split()
    assert {process[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert (process["NoNewPrivs"], process["Seccomp"]) == ("1", "2")
    root = next(line for line in text(seen, "mounts").splitlines() if line.split()[4] == "/")
    assert root.split()[5].startswith("ro")
    assert "CREDENTIALS_DIRECTORY=" in text(seen, "environment")
    exposure = re.search(r"exposure level for nxgate.service: ([\d.]+)", text(seen, "security"))
    assert exposure is not None
    assert float(exposure[1]) <= 1.5
    assert "dtsu666-11: answering" in text(seen, "journal")
    assert "/_dev/dtsu666-11/telemetry" in text(seen, "heard")


def test_an_upgrade_and_the_way_back_keep_what_is_set(seen: Path) -> None:
    assert text(seen, "upgraded").endswith("-2")
    assert text(seen, "rolled_back").endswith("-1")
    assert text(seen, "active") == "active"
    assert text(seen, "site_before") == text(seen, "site_after")
    assert text(seen, "default").endswith("# mine")


def test_a_loop_that_stands_still_is_ended_by_the_watchdog(seen: Path) -> None:
    journal = text(seen, "journal")
    assert "Watchdog timeout" in journal
    assert "most recent call first" in journal  # where it stood
    assert int(text(seen, "restarts").removeprefix("NRestarts=")) >= 1


def test_nothing_is_lost(seen: Path) -> None:
    verdict = json.loads(text(seen, "verdict.json"))
    assert verdict["messages"] > 50
    told = {key: verdict[key] for key in ("faults", "missing", "declared_lost", "waited_for")}
    assert told == dict.fromkeys(told, 0), verdict
    sent = set(re.findall(r'"id":"(gw-01:\d+:\d+)"', text(seen, "heard")))
    stored = set()
    for table in (seen / "export").glob("*.csv"):
        stored |= set(re.findall(r"gw-01:\d+:\d+", table.read_text("utf-8-sig")))
    assert len(stored) > 20
    assert not stored - sent
    epochs = {identity.split(":")[1] for identity in sent}
    assert len(epochs) >= 5  # begun, upgraded, killed, rolled back, ended by the watchdog


def test_no_secret_shows(seen: Path) -> None:
    for name in ("heard", "journal", "status", "environment"):
        assert "canary-4711" not in text(seen, name)


def test_removal_keeps_and_purge_leaves_nothing(seen: Path) -> None:
    assert text(seen, "kept").splitlines() == ["/etc/nxgate/site.yaml", "/var/lib/nxgate/epoch"]
    assert text(seen, "after").splitlines() == text(seen, "before").splitlines()
