"""The environment of its own under `/opt/nxgate`: this project and its pinned libraries.

Wheels are fetched for the target's architecture and laid out; nothing of them is run or built, so
that a machine of one architecture makes the tree of another.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.pins import ROOT, requirements

PREFIX = Path("opt/nxgate")
PYTHON = (3, 11)
"""Debian 12's; compiled libraries are of one minor version of Python."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's name of an architecture → the wheels'."""
OLDEST_GLIBC, GLIBC = 17, 36
"""Wheels ask for glibc 2.17 to 2.36, which Debian 12 has."""
PARTS = ("gateway", "drivers", "profiles", "simulators", "verifying", "docs/contract")

START = """#!/opt/nxgate/bin/python3 -I
from gateway.__main__ import main

main()
"""
"""`-I`: neither the folder it is called in nor the caller's variables change what is imported."""


def wheel(folder: Path) -> Path:
    """Build the project's own wheel, out of a copy: a build leaves files behind."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, copy / file)
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, copy / part, ignore=ignored)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, copy)
    (made,) = folder.glob("nxgate-*.whl")
    return made


def fetch(arch: str, folder: Path, wanted: str) -> None:
    """Download wheels for an architecture, each verified by its hash.

    Args:
        arch: as dpkg names it.
        folder: where they go.
        wanted: requirements with hashes.
    """
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "requirements.txt"
        file.write_text(wanted, "utf-8")
        _pip("download", *_target(arch), "--require-hashes", "-r", file, "--dest", folder)


def lay(arch: str, root: Path) -> None:
    """Lay the whole environment under `root/opt/nxgate`."""
    if sys.version_info[:2] != PYTHON:
        raise SystemExit("Python {}.{} compiles for the boxes: use it".format(*PYTHON))
    prefix = root / PREFIX
    library = prefix / "lib/python{}.{}/site-packages".format(*PYTHON)
    library.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        wheels = Path(name)
        fetch(arch, wheels, requirements())
        wheel(wheels)
        files = sorted(wheels.glob("*.whl"))
        _pip("install", *_target(arch), "--no-index", "--no-compile", "--target", library, *files)
    shutil.rmtree(library / "bin", ignore_errors=True)  # their scripts name this machine's Python
    for left in library.glob("*.dist-info/direct_url.json"):
        left.unlink()  # names a folder of this machine
    _compile(library, root)
    for path in library.rglob("*"):  # wheels bring modes of whoever packed them
        path.chmod(0o755 if path.is_dir() else 0o644)
    _start(prefix)


def _start(prefix: Path) -> None:
    """What makes it an environment, and the command."""
    home, version = "/usr/bin", "{}.{}".format(*PYTHON)
    (prefix / "bin").mkdir()
    (prefix / "bin/python3").symlink_to(f"{home}/python{version}")
    (prefix / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    start = prefix / "bin/nxgate"
    start.write_text(START)
    start.chmod(0o755)


def _compile(library: Path, root: Path) -> None:
    """Compile now: a box's file system may be read-only, and its first start as quick as any."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-s", str(root), "-p", "/", str(library)], check=True)


def _target(arch: str) -> list[str]:
    """Have pip choose for the target instead of for this machine."""
    machine = MACHINES[arch]
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, OLDEST_GLIBC - 1, -1)]
    tags += [f"manylinux2014_{machine}", f"linux_{machine}"]
    abis = ("cp311", "abi3", "none")
    return [
        *(f"--platform={tag}" for tag in tags),
        *(f"--abi={abi}" for abi in abis),
        "--implementation=cp",
        "--python-version={}.{}".format(*PYTHON),
        "--only-binary=:all:",
        "--no-deps",
    ]


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, arguments)], check=True)
