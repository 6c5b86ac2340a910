"""Makes the bundle for a box without network: `python -m deploy.bundle arm64`.

A folder as .tar.gz: the wheels of one architecture, their hashes, the service's files, and
`install.sh`, which needs nothing but Python 3.11 on the box.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path

from deploy.pins import ROOT, pinned, requirements, version
from deploy.tree import MACHINES, fetch, wheel

DEPLOY = ROOT / "deploy"
FILES = {
    "install.sh": "install.sh",
    "debian/default": "default",
    "udev/60-nxgate-serial.rules": "60-nxgate-serial.rules",
}


def build(arch: str, out: Path) -> Path:
    """Make the bundle of an architecture.

    Args:
        arch: as dpkg names it.
        out: the folder for it.
    """
    machine = MACHINES[arch]
    title = f"nxgate-{version()}-linux-{machine}"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / title
        wheels = root / "wheels"
        wheels.mkdir(parents=True)
        fetch(arch, wheels, requirements() + pinned("pip"))
        own = wheel(wheels)
        line = f"nxgate=={version()} --hash=sha256:{_sha256(own)}\n"
        (root / "requirements.txt").write_text(requirements() + line, "utf-8")
        (root / "machine").write_text(f"{machine}\n")
        shutil.copytree(DEPLOY / "systemd", root / "systemd")
        for source, target in FILES.items():
            shutil.copyfile(DEPLOY / source, root / target)
        files = sorted(path for path in root.rglob("*") if path.is_file())
        sums = [f"{_sha256(path)}  {path.relative_to(root)}\n" for path in files]
        (root / "SHA256SUMS").write_text("".join(sums))
        out.mkdir(parents=True, exist_ok=True)
        made = out / f"{title}.tar.gz"
        with tarfile.open(made, "w:gz") as archive:
            archive.add(root, title, filter=_anyone)
    return made


def _anyone(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's in particular."""
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Make it, and print where it is."""
    parser = argparse.ArgumentParser(prog="deploy.bundle", description=__doc__)
    parser.add_argument("arch", nargs="+", choices=sorted(MACHINES))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    wanted = parser.parse_args()
    for arch in wanted.arch:
        print(build(arch, wanted.out))


if __name__ == "__main__":
    main()
