"""What `status`, `doctor` and `diag` say of a real gateway that is well, and then is not."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.workshop import NXGATE, ROOT, snapshot, workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.workshop import Workshop

CANARY = "canary-pw-7d41f0"


def nxgate(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*NXGATE, *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def findings(site: Path) -> dict[str, dict[str, Any]]:
    """By code; the exit code says whether there are any."""
    done = nxgate("doctor", site, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == told["ok"] == (not told["findings"])
    return {finding["code"]: finding for finding in told["findings"]}


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[tuple[Workshop, Mosquitto]]:
    with Mosquitto(tmp_path) as broker, workshop(tmp_path, broker.port) as made:
        password = tmp_path / "password"
        password.write_text(CANARY, "utf-8")
        password.chmod(0o600)
        text = made.site.read_text("utf-8")
        login = f"username: gw, password: {{file: {password}}}, heartbeat: 30s"
        made.site.write_text(text.replace("heartbeat: 30s", login), "utf-8")
        made.start()
        store = made.folder / "store/nxgate.sock"
        wait_for(store.exists, "the gateway runs")
        wait_for(
            lambda: all(device["ok"] for device in snapshot(made)["devices"].values()),
            "all devices answer",
        )
        yield made, broker


def test_from_well_to_ill_and_back(floor: tuple[Workshop, Mosquitto]) -> None:
    made, broker = floor
    site = made.site
    found = findings(site)
    assert found.keys() <= {"clock-untrusted", "disk-scarce"}, "those are this machine's"

    done = nxgate("status", site)
    assert done.returncode == 0
    assert "plc-inj: answers for" in done.stdout
    assert "cluster: connected for" in done.stdout

    broker.stop()
    assert made.simulator is not None
    made.simulator.terminate()
    made.simulator.wait(30)
    ill = {"broker-network", "link-refused"}
    wait_for(lambda: ill <= findings(site).keys(), "broker and devices are missed")
    found = findings(site)
    assert found["link-refused"]["subject"] in {"plc-inj", "plc-last", "meter-1"}
    assert "site.yaml:" in found["link-refused"]["what"]
    assert found["link-refused"]["since"] > 1_700_000_000_000
    assert "fails for" in nxgate("status", site).stdout

    site.write_text(site.read_text("utf-8").replace("timezone:", "timezoen:"), "utf-8")
    found = findings(site)
    assert "timezoen" in found["site-faults"]["what"]
    assert "broker-network" in findings(made.folder / "store"), "the store's folder does instead"

    made.end()
    assert "not-running" in findings(made.folder / "store")


def test_what_is_packed_for_others_has_no_secret_in_it(
    floor: tuple[Workshop, Mosquitto], tmp_path: Path
) -> None:
    made, _broker = floor
    with made.site.open("a", encoding="utf-8") as file:
        file.write(f"# once: mqtt://gw:{CANARY}@broker, password: {CANARY}-old\n")
    out = tmp_path / "help.tar.gz"
    done = nxgate("diag", made.site, "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o077 == 0
    with tarfile.open(out) as archive:
        names = [member.name for member in archive.getmembers()]
        texts = [archive.extractfile(name).read().decode() for name in names]  # type: ignore[union-attr]
    assert {"about.json", "findings.json", "snapshot.json", "store.json"} <= {
        name.rpartition("/")[2] for name in names
    }
    assert any(name.endswith("site.yaml") for name in names)
    assert not [name for name, text in zip(names, texts, strict=True) if "canary" in text]
    again = nxgate("diag", made.site, "--out", out)
    assert again.returncode != 0
    assert "is there already" in again.stderr
