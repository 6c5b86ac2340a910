"""Makes the Debian package: `python -m deploy.deb amd64`.

Written for dpkg-deb alone, so that it is made wherever dpkg is: what debhelper would add (service
files enabled, restarted at an upgrade) stands in `debian/postinst` and its neighbours.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from deploy.pins import ROOT, version
from deploy.tree import MACHINES, lay

DEPLOY = ROOT / "deploy"
FOLDERS = ("etc/nxgate", "etc/nxgate/secrets")
MODES = {"etc/nxgate": 0o750, "etc/nxgate/secrets": 0o700}


def build(arch: str, out: Path, revision: str) -> Path:
    """Make the package of an architecture.

    Args:
        arch: as dpkg names it.
        out: the folder for it.
        revision: of the package, behind the project's version.
    """
    full = f"{version()}-{revision}"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        root.mkdir(mode=0o755)
        lay(arch, root)
        _services(root)
        _documents(root, full)
        _settings(root)
        _control(root, arch, full)
        out.mkdir(parents=True, exist_ok=True)
        made = out / f"nxgate_{full}_{arch}.deb"
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(made)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return made


def _services(root: Path) -> None:
    units = root / "lib/systemd/system"
    for source in sorted((DEPLOY / "systemd").glob("*.service")):
        _copy(source, units / source.name)
        _copy(DEPLOY / "systemd/10-sandbox.conf", units / f"{source.name}.d/10-sandbox.conf")
    _copy(DEPLOY / "udev/60-nxgate-serial.rules", root / "lib/udev/rules.d/60-nxgate-serial.rules")


def _documents(root: Path, full: str) -> None:
    folder = root / "usr/share/doc/nxgate"
    for file in ("install.md", "install.zh.md", "site.sample.yaml"):
        _copy(ROOT / "docs" / file, folder / file)
    _copy(DEPLOY / "debian/copyright", folder / "copyright")
    when = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(_epoch()))
    text = (DEPLOY / "debian/changelog.in").read_text("utf-8")
    text = text.format(version=full, date=when)
    packed = gzip.compress(text.encode(), 9, mtime=0)
    (folder / "changelog.Debian.gz").write_bytes(packed)
    overrides = root / "usr/share/lintian/overrides/nxgate"
    _copy(DEPLOY / "debian/lintian-overrides", overrides)
    command = root / "usr/bin/nxgate"
    command.parent.mkdir(parents=True)
    command.symlink_to("/opt/nxgate/bin/nxgate")


def _settings(root: Path) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        (root / folder).chmod(MODES[folder])
    _copy(DEPLOY / "debian/default", root / "etc/default/nxgate")


def _control(root: Path, arch: str, full: str) -> None:
    folder = root / "DEBIAN"
    folder.mkdir(mode=0o755)
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files) >> 10
    text = (DEPLOY / "debian/control.in").read_text("utf-8")
    (folder / "control").write_text(text.format(version=full, arch=arch, size=size), "utf-8")
    (folder / "conffiles").write_text("/etc/default/nxgate\n")
    sums = []
    for path in files:
        inside = path.relative_to(root)
        if inside.parts[0] != "etc":
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            sums.append(f"{digest}  {inside}\n")
    (folder / "md5sums").write_text("".join(sums))
    for script in ("postinst", "prerm", "postrm"):
        _copy(DEPLOY / "debian" / script, folder / script)
        (folder / script).chmod(0o755)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            os.utime(path, (_epoch(), _epoch()))


def _epoch() -> int:
    """Of all files: when the last commit was made, as one commit makes one package."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told is None:
        command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(told)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def main() -> None:
    """Make it, and print where it is."""
    parser = argparse.ArgumentParser(prog="deploy.deb", description=__doc__)
    parser.add_argument("arch", nargs="+", choices=sorted(MACHINES))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--revision", default="1")
    wanted = parser.parse_args()
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(_epoch()))
    for arch in wanted.arch:
        print(build(arch, wanted.out, wanted.revision))


if __name__ == "__main__":
    main()
