"""`nxgate backup`: the site's files and its store as one archive, while the gateway runs."""

from __future__ import annotations

import contextlib
import hashlib
import io
import sqlite3
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import __version__
from gateway.archive.segments import reading
from gateway.backup.contents import DATABASES, MANIFEST, SITE, STORE, Manifest, of_store
from gateway.errors import GatewayError
from gateway.secret import Secret
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.plant import Plant

PIECE = 1 << 20


def backup(site: Path, out: Path, *, records: bool) -> int:
    """Write the archive; 0 when it is whole and on the disk.

    Args:
        site: the site file.
        out: its name; no file is there yet.
        records: with what is stored; else only the site's files.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: it can't be written, or is there already.
    """
    plant = load(site)
    part = out.with_name(out.name + ".part")
    if out.exists():
        raise GatewayError(_("{path} is there already: give another name").format(path=out))
    try:
        count = _write(site, plant, part, records=records)
        part.replace(out)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        text = _("{path}: can't be written: {reason}")
        reason = getattr(error, "strerror", None) or str(error)
        raise GatewayError(text.format(path=out, reason=reason)) from error
    size = out.stat().st_size >> 10
    click.echo(_("{path}: {count} files, {size} KiB").format(path=out, count=count, size=size))
    for secret in secrets_of(plant):
        click.echo(_("not in it, and needed: {path}").format(path=secret))
    return 0


def _write(site: Path, plant: Plant, part: Path, *, records: bool) -> int:
    sums: dict[str, str] = {}
    with part.open("xb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        part.chmod(0o600)
        for name, path in _of_site(site, plant):
            sums[name] = _add(archive, name, path)
        for path in of_store(plant.store.path) if records and plant.store.path.is_dir() else ():
            name = f"{STORE}/{path.relative_to(plant.store.path).as_posix()}"
            with contextlib.suppress(FileNotFoundError), _still(path) as copy:
                sums[name] = _add(archive, name, copy)
        manifest = Manifest(
            gateway=plant.identity.gateway,
            version=__version__,
            made_ms=time.time_ns() // 1_000_000,
            site=site.name,
            secrets=tuple(map(str, secrets_of(plant))),
            sums=sums,
        )
        data = manifest.dump()
        about = tarfile.TarInfo(MANIFEST)
        about.size, about.mode, about.mtime = len(data), 0o600, int(time.time())
        archive.addfile(about, io.BytesIO(data))
    return len(sums)


def _of_site(site: Path, plant: Plant) -> Iterator[tuple[str, Path]]:
    """The files that are the site's own, by their place beside the site file."""
    root = site.resolve().parent
    for path in plant.files:
        whole = path.resolve()
        if whole.is_relative_to(root) and whole.is_file():
            yield f"{SITE}/{whole.relative_to(root).as_posix()}", whole


@contextlib.contextmanager
def _still(path: Path) -> Iterator[Path]:
    """A file as it stands between two commits."""
    if path.suffix not in DATABASES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="nxgate-backup-") as folder:
        copy = Path(folder) / path.name
        with reading(path) as db, contextlib.closing(sqlite3.connect(copy)) as into:
            db.backup(into)
        yield copy


def _add(archive: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file as it is now; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        about = tarfile.TarInfo(name)
        about.size = path.stat().st_size
        about.mode, about.mtime = 0o600, int(path.stat().st_mtime)
        archive.addfile(about, _Summed(file, digest))
    return digest.hexdigest()


class _Summed(io.RawIOBase):
    """What is read of it is summed up."""

    def __init__(self, file: io.BufferedReader, digest: hashlib._Hash) -> None:
        self._file = file
        self._digest = digest

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        data = self._file.read(size)
        self._digest.update(data)
        return data


def secrets_of(plant: Plant) -> Iterator[Path]:
    """Files that hold what is never packed."""
    for settings in plant.publish.values():
        commands = getattr(settings, "commands", None)
        held = (getattr(settings, name, None) for name in ("password", "token"))
        for secret in (*held, commands and commands.key):
            if isinstance(secret, Secret):
                yield secret.file
        tls = getattr(settings, "tls", None)
        for path in (tls.ca, tls.cert, tls.key) if tls is not None else ():
            if path is not None:
                yield path
