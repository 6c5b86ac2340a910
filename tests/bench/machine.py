"""On what the figures were taken, since they mean little without it."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def facts(folder: Path) -> dict[str, str | int]:
    """Describe the machine and what runs on it.

    Args:
        folder: where the gateway's store is put.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release(),
        "store_on": _filesystem(folder),
        "python": platform.python_version(),
        "loop": _loop(),
        "broker": _mosquitto(),
    }


def mosquitto() -> str:
    """Return the broker's path; Debian keeps it out of users' PATH."""
    for folder in (*os.get_exec_path(), "/usr/sbin", "/usr/local/sbin"):
        path = Path(folder) / "mosquitto"
        if os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError("mosquitto is not installed: apt-get install mosquitto")


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _filesystem(folder: Path) -> str:
    """Name the type of the file system that holds a folder: the longest mount point above it."""
    above = [str(path) for path in (folder.resolve(), *folder.resolve().parents)]
    mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    best = max((m for m in mounts if m[1] in above), key=lambda mount: len(mount[1]))
    return best[2]


def _loop() -> str:
    try:
        return f"uvloop {version('uvloop')}"
    except PackageNotFoundError:
        return "asyncio"


def _mosquitto() -> str:
    said = subprocess.run((mosquitto(), "-h"), capture_output=True, text=True, check=False)
    return said.stdout.splitlines()[0] if said.stdout else "mosquitto"
