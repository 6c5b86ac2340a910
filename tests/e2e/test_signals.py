"""A stop is in order at any moment: while the file is read, while it runs, and at the very end."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.mosquitto import wait_for
from tests.e2e.workshop import NXGATE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SITE = """
site: {cluster: c, enterprise: e, site: s, gateway: gw, timezone: Asia/Shanghai}
store: {path: store, size: 64MiB}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE, "utf-8")
    return path


def start(site: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([*NXGATE, "run", str(site)], cwd=ROOT, stderr=-1, text=True)


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_the_site_file_is_read_is_quiet(site: Path, number: signal.Signals) -> None:
    gateway = start(site)
    wait_for(lambda: children(gateway.pid), "the file is being read")
    (child,) = children(gateway.pid)
    gateway.send_signal(number)
    _out, said = gateway.communicate(timeout=20)
    assert (gateway.returncode, said) == (0, "")
    assert child not in children(gateway.pid)
    assert not (site.parent / "store").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_by_the_hundred_end_in_one_orderly_stop(site: Path, number: signal.Signals) -> None:
    gateway = start(site)
    wait_for((site.parent / "store/nxgate.sock").exists, "the gateway runs")
    gateway.send_signal(signal.SIGTERM)
    while gateway.poll() is None:
        gateway.send_signal(number)
        time.sleep(0.0005)
    _out, said = gateway.communicate(timeout=20)
    assert gateway.returncode == 0
    assert said.count("stopped") == 1
    assert "Traceback" not in said
