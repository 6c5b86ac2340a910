"""A box: a Debian 12 of its own with systemd in it, made from Debian's packages and booted."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = (
    "adduser,dbus,iproute2,mosquitto,mosquitto-clients,python3,systemd,systemd-sysv,tzdata,udev"
)
UNIT = """[Unit]
Description=what the test does at the box
[Service]
Type=oneshot
Environment=LISTEN={listen}
ExecStart=/bin/bash /root/box.sh
ExecStopPost=/bin/systemctl poweroff --no-block
"""
IMPATIENT = """[Service]
WatchdogSec=6
"""
"""So that the test needn't wait for the minute that a box does."""


def make(root: Path) -> None:
    """Make it; skips where this can't be."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a Debian and boot it")
    for program in ("debootstrap", "systemd-nspawn", "dpkg-deb"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip(f"needs {program} (apt-get install debootstrap systemd-container)")
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    subprocess.run(["chroot", root, "systemctl", "disable", "mosquitto"], check=True)
    (root / "root/seen").mkdir()


def boot(root: Path, listen_s: int, limit_s: float) -> Path:
    """Boot it, have `box.sh` done in it, and return the folder of what was seen."""
    units = root / "etc/systemd/system"
    (units / "test.service").write_text(UNIT.format(listen=listen_s))
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants/test.service").symlink_to("../test.service")
    (units / "nxgate.service.d").mkdir()
    (units / "nxgate.service.d/impatient.conf").write_text(IMPATIENT)
    for name in ("box.sh", "answers.yaml", "line.yaml"):
        shutil.copy(HERE / name, root / "root" / name)
    command = ["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "-q"]
    with (root.parent / "console.log").open("w") as console:
        subprocess.run(
            [*command, "--boot", f"--directory={root}"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        )
    return root / "root/seen"


def repacked(deb: Path, revision: str, folder: Path) -> Path:
    """The same package as another version, as an upgrade brings it."""
    tree, made = folder / f"tree-{revision}", folder / f"{revision}.deb"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    text = control.read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("Version: "))
    control.write_text(text.replace(line, f"{line.rpartition('-')[0]}-{revision}"))
    default = tree / "etc/default/nxgate"
    default.write_text(default.read_text() + "\n# Another release's word.\n")
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(made)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return made
