"""`nxgate restore`: a backup put in place on a box that has nothing yet."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path, PurePosixPath

import click

from gateway.backup.contents import MANIFEST, SITE, STORE, Manifest
from gateway.config import read
from gateway.durable import sync_folder
from gateway.errors import ConfigError, GatewayError
from gateway.words import _

MOST_FILES = 20_000
PIECE = 1 << 20


def restore(archive: Path, folder: Path) -> int:
    """Unpack an archive; 0 when all of it is in place.

    The site's files go to `folder`, the store to where the site file says. Nothing that is there
    is touched; an archive that is damaged leaves nothing behind.

    Args:
        archive: as `nxgate backup` made it.
        folder: for the site's files; missing or empty.

    Raises:
        GatewayError: no backup, damaged, or something is there already.
    """
    if folder.exists() and any(folder.iterdir()):
        text = _("{path} is not empty: give a folder for the site's files that is")
        raise GatewayError(text.format(path=folder))
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        manifest = _unpack(archive, fresh)
        place = _store_of(fresh / SITE / manifest.site, fresh / SITE, folder)
        if place.exists() and any(place.iterdir()):
            text = _("{path}: there is a store already: move it away, or set another store.path")
            raise GatewayError(text.format(path=place))
        _put(fresh / SITE, folder)
        if (fresh / STORE).is_dir():
            _put(fresh / STORE, place)
    except (OSError, tarfile.TarError, EOFError) as error:
        text = _("{path}: can't be restored: {reason}")
        reason = getattr(error, "strerror", None) or str(error)
        raise GatewayError(text.format(path=archive, reason=reason)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    text = _("{gateway}: {site} is in place, its store in {store}")
    site = folder / manifest.site
    click.echo(text.format(gateway=manifest.gateway, site=site, store=place))
    for secret in manifest.secrets:
        click.echo(_("still needed: {path}").format(path=secret))
    return 0


def _unpack(archive: Path, fresh: Path) -> Manifest:
    """Unpack into a folder of its own, and hold everything against its sum."""
    sums: dict[str, str] = {}
    manifest: Manifest | None = None
    with tarfile.open(archive, "r:gz") as held:
        for count, member in enumerate(held):
            if count > MOST_FILES or not member.isfile():
                raise GatewayError(_("this is no backup of nxgate"))
            source = held.extractfile(member)
            if source is None:
                raise GatewayError(_("this is no backup of nxgate"))
            if member.name == MANIFEST:
                manifest = Manifest.load(source.read(PIECE))
                continue
            path = _inside(fresh, member.name)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with path.open("xb") as file:
                while piece := source.read(PIECE):
                    digest.update(piece)
                    file.write(piece)
            path.chmod(0o600)
            sums[member.name] = digest.hexdigest()
    if manifest is None or sums != manifest.sums:
        text = _("{path}: the backup is damaged: not all of it is as it was packed")
        raise GatewayError(text.format(path=archive))
    return manifest


def _inside(fresh: Path, name: str) -> Path:
    """Where a member goes: nowhere but into the folder."""
    parts = PurePosixPath(name).parts
    is_ours = len(parts) > 1 and parts[0] in {SITE, STORE}
    if not is_ours or any(part in {"..", ""} or part.startswith("/") for part in parts):
        raise GatewayError(_("this is no backup of nxgate"))
    return fresh.joinpath(*parts)


def _store_of(site: Path, root: Path, folder: Path) -> Path:
    """Where the store of a site file lies once the file lies in `folder`."""
    try:
        found, _faults = read(site)
    except ConfigError as error:
        raise GatewayError(str(error)) from error
    path = found.store.path
    if path.is_relative_to(root):
        return folder / path.relative_to(root)
    return path


def _put(source: Path, target: Path) -> None:
    """Move a folder's content into another, which may be there and empty."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in source.iterdir():
        shutil.move(path, target / path.name)
    sync_folder(target)
