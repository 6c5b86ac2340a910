"""Who owns a store's folder, and which epoch its next ids belong to.

Ids must never be used twice, whatever happens to the disk. So every start takes a new epoch,
and the file that says so is on the medium before the first id of that epoch is given.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zlib import crc32

from gateway.clock import DAWN_NS
from gateway.durable import sync_folder, write_whole
from gateway.errors import StoreError
from gateway.ids import MAX_EPOCH
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
"""Of the whole folder; a program refuses what it doesn't know rather than take it for damaged."""

_MINUTE_NS = 60_000_000_000
_FROM_NS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write in a folder, held by an open, locked file until released."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Let another process have the folder."""
        os.close(self.descriptor)

    def is_held(self) -> bool:
        """False once the folder isn't at its path any more, or another one is."""
        try:
            there = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise refusal(self.path, error) from error
        here = os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def refusal(path: Path, error: OSError) -> StoreError:
    """Say for people that the system refused something with a file of the store."""
    return StoreError(
        _(
            "{path}: {reason}: the store needs a folder on a disk with room that the gateway's"
            " user may write; set it as store.path"
        ).format(path=path, reason=error.strerror or error)
    )


def acquire(folder: Path) -> Lease:
    """Make the folder where it is missing, and lock it.

    Raises:
        StoreError: it can't be made or written, or another process has it.
    """
    path = folder / "lock"
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refusal(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise StoreError(
            _(
                "{path}: in use by process {pid}: stop that gateway first, or give this one a"
                " store.path of its own"
            ).format(path=folder, pid=holder or "?")
        ) from error
    except OSError as error:
        os.close(descriptor)
        raise refusal(path, error) from error
    return Lease(path, descriptor)


def read_epoch(folder: Path, gateway: str) -> int:
    """Return the last epoch used here, 0 where the file is missing or makes no sense.

    Raises:
        StoreError: the store is another gateway's or a newer version's, or can't be read.
    """
    path = folder / "epoch"
    try:
        content = json.loads(path.read_bytes())
        crc, form = content.pop("crc"), content["format"]
        owner, epoch = content["gateway"], int(content["epoch"])
        intact = crc == _checksum(content)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise refusal(path, error) from error
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0
    if not intact:
        return 0
    if form > FORMAT:
        raise StoreError(
            _(
                "{path}: written by a newer version of nxgate (format {found}, this one reads"
                " {known}): install that version again, or set store.path to an empty folder"
            ).format(path=folder, found=form, known=FORMAT)
        )
    if owner != gateway:
        raise StoreError(
            _(
                "{path}: this store belongs to gateway {owner}, and the site file says {gateway}:"
                " set store.path to an empty folder, or site.gateway to {owner}"
            ).format(path=folder, owner=owner, gateway=gateway)
        )
    return epoch if 0 < epoch <= MAX_EPOCH else 0


def owner_of(folder: Path) -> str:
    """Return whose store a folder is, for who only looks; "" where nothing says so."""
    try:
        content = json.loads((folder / "epoch").read_bytes())
    except (OSError, ValueError):
        return ""
    owner = content.get("gateway") if isinstance(content, dict) else None
    return owner if isinstance(owner, str) else ""


def is_intact(folder: Path) -> bool:
    """Tell whether the file is there, and as it was written."""
    try:
        content = json.loads((folder / "epoch").read_bytes())
        return bool(content.pop("crc") == _checksum(content))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def next_epoch(stored: int, in_records: int, wall_ns: int) -> int:
    """Choose the epoch of this start.

    Args:
        stored: what the file says, 0 where there is none.
        in_records: the highest epoch that the store's records have, 0 where none.
        wall_ns: UTC, as far as the box knows.

    Returns:
        One above both. Without a file (a new, restored or salvaged store) at least the minutes
        since 2020, so that a replacement box starts above whatever its predecessor used,
        without asking anyone; unless the clock was evidently never set.
    """
    epoch = max(stored, in_records) + 1
    if not stored and wall_ns >= DAWN_NS:
        epoch = max(epoch, (wall_ns - _FROM_NS) // _MINUTE_NS)
    return epoch


def write_epoch(folder: Path, gateway: str, epoch: int) -> None:
    """Write the file; it is on the medium when this returns.

    Raises:
        StoreError: the disk refuses, or epochs have run out.
    """
    if epoch > MAX_EPOCH:
        raise StoreError(
            _("{path}: epoch {epoch} is beyond the last one: start with an empty folder").format(
                path=folder, epoch=epoch
            )
        )
    path = folder / "epoch"
    content: dict[str, object] = {"gateway": gateway, "epoch": epoch, "format": FORMAT}
    content["crc"] = _checksum(content)
    try:
        write_whole(path, json.dumps(content).encode() + b"\n")
    except OSError as error:
        raise refusal(path, error) from error


def _checksum(content: dict[str, object]) -> int:
    return crc32(json.dumps(content, sort_keys=True).encode())
