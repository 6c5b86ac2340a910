"""An integrator's laptop: the first hour's commands where there is no uvloop and no POSIX.

What Windows lacks is taken away from a fresh interpreter: modules, system calls, Unix sockets. The
event loop and pyserial are the platform's own and are loaded before, since on Linux they are made
of those modules; everything after that is ours. Serial ports are read by a thread, as COM ports
are.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cable import Cable
from tests.e2e.foreign_line import devices_on
from tests.e2e.test_foreign_modbus import libmodbus
from tests.register_images import Image

ROOT = Path(__file__).parents[2]
LAPTOP = """
import asyncio, functools, getpass, importlib.abc, multiprocessing, os, signal, socket, subprocess
import sys, tempfile
import serial

MISSING = {"uvloop", "termios", "tty", "pty", "fcntl", "resource", "pwd", "grp", "syslog", "curses"}
tried = set()

class Windows(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            frame = sys._getframe()
            while "importlib" in frame.f_code.co_filename or frame.f_code.co_name == "find_spec":
                frame = frame.f_back
            tried.add((name, frame.f_code.co_filename))
            raise ImportError(f"no module {name} here")

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Windows())
for module, names in (
    (os, ("O_DIRECTORY", "O_CLOEXEC", "fork", "getuid", "geteuid", "fchmod", "statvfs")),
    (asyncio, ("open_unix_connection", "start_unix_server")),
    (socket, ("SO_PEERCRED",)),
    (signal, ("SIGHUP", "SIGUSR1", "SIGURG")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

from drivers.lines import serial_port

serial_port.attach = functools.partial(serial_port.attach, by_thread=True)
from gateway.cli import cli

try:
    cli(sys.argv[1:], prog_name="nxgate", standalone_mode=False)
except SystemExit as ended:
    code = ended.code
else:
    code = 0
ours = {name for name, file in tried if "/gateway/" in file or "/drivers/" in file}
print("asked for:", *sorted(ours), file=sys.stderr)
assert not MISSING & sys.modules.keys()
sys.exit(code)
"""
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
store: {{path: {store}}}
devices:
  oven:
    link: "{link}"
    tags:
      setpoint: {{at: holding:3, kind: u16, scale: 0.1, unit: °C, write: {{min: 20, max: 180}}}}
"""
REGISTERS = b"".join(number.to_bytes(2) for number in (0, 0, 0, 1500, 1487, 0))


def laptop(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LAPTOP, *map(str, words)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "USERNAME": "li.wei", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


OPTIONAL = {"termios", "fcntl"}
"""What ours asks for and does without: the error of a port's settings, the lock of a store."""


def sound(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    asked = set(done.stderr.rpartition("asked for:")[2].split())
    assert asked <= OPTIONAL, done.stderr
    return done.stdout


@pytest.mark.parametrize("medium", ["tcp", "serial"])
def test_the_first_hour(medium: str, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    with Cable(tmp_path) as cable:
        port = str(cable.far) if medium == "serial" else ""
        with libmodbus(REGISTERS, port=port) as served:
            link = f"modbus+rtu://{cable.near}?baud=115200" if port else served
            site.write_text(SITE.format(link=link, store=tmp_path / "store"), "utf-8")
            assert "no faults" in sound(laptop("check", site))
            assert "150.0" in sound(laptop("read", site, "oven"))
            found = laptop("infer", site, "oven", "--region", "holding:0-5", "--shown", "148.7 °C")
            assert "found: {at: holding:4, kind: u16, scale: 0.1" in sound(found)
            done = laptop("write", site, "oven", "setpoint", "170", "--yes")
            assert "before 150.0 °C, now 170.0 °C" in sound(done)
            assert "li.wei" in sound(laptop("audit", site))


def test_a_line_is_scanned_by_a_thread(tmp_path: Path) -> None:
    image = Image()
    image.put("holding", 0, REGISTERS)
    with Cable(tmp_path) as cable, devices_on(cable.far, {3: image}):
        link = f"modbus+rtu://{cable.near}?baud=115200"
        found = sound(laptop("scan", link, "--units", "1-5", "--timeout", "0.1"))
    assert "unit: 3" in found


def test_the_test_takes_away_what_it_says() -> None:
    """The running gateway needs what is missing, and would not start there."""
    code = LAPTOP.replace("from gateway.cli import cli", "import gateway.itself.readings")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "no module resource here" in done.stderr
