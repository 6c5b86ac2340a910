"""A store's folder: whose it is, the right to write there, and what happens when it goes away.

An administrator may remove, rename or replace the folder under a running gateway, and a stick
may be pulled. The files that are open then still take every write, and nobody would ever find
those records; and a second gateway may begin at the same path. So each commit first looks
whether the lock that this process holds is still the one at the path. Where it isn't, the store
moves in anew at that path as at a start: with a lock, and an epoch above all that it has used.
What stood in the old folder and wasn't delivered is declared lost with the first commit.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.ids import SEQ_BITS
from gateway.storage.epoch import Lease, acquire, next_epoch, read_epoch, write_epoch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.storage.batch import WriteBatch
    from gateway.storage.bounds import Doomed
    from gateway.storage.facts import Facts
    from gateway.storage.shelf import Shelf

log = logging.getLogger("nxgate.store")


class Moved(StoreError):  # noqa: N818 - what happened, and the next attempt goes on from there
    """The folder was gone, and the store now stands in another one at its path.

    Attributes:
        lost: what stood in the old folder.
    """

    def __init__(self, text: str, lost: tuple[Facts, ...]) -> None:
        super().__init__(text)
        self.lost = lost


class Home:
    """Belongs to the writing thread, but for the attributes.

    Args:
        folder: where.
        gateway: whose.
        make_shelf: makes what keeps the segments in it.
        clock: the wall clock, for the first epoch in an empty folder.

    Attributes:
        shelf: the segments; another one after a move.
        epoch: the last one written, 0 before `open`.
        wear: bytes written to the medium since the start, about.

    Raises:
        StoreError: in use, or the disk refuses.
    """

    def __init__(
        self, folder: Path, gateway: str, make_shelf: Callable[[], Shelf], clock: Clock
    ) -> None:
        self.folder = folder
        self.shelf = make_shelf()
        self.epoch = 0
        self._gateway = gateway
        self._make_shelf = make_shelf
        self._clock = clock
        self._lease: Lease = acquire(folder)
        self._wear_before = 0

    @property
    def wear(self) -> int:
        """Bytes written to the medium since the start, about."""
        return self._wear_before + self.shelf.wear

    def open(self) -> None:
        """Open what is there, recover what is damaged, and take the next epoch.

        Raises:
            StoreError: another gateway's, or the disk refuses.
        """
        try:
            self._open()
        except StoreError as error:
            room = self.shelf.room
            room.note(error)
            if not (room.is_out and room.drop_ballast()):
                raise
            self.shelf.close()
            self._open()
        held, disk = sum(facts.bytes for facts in self.shelf.view), self.shelf.room
        most, size = held + disk.free - disk.reserve, self.shelf.bounds.size_bytes
        if most < size:
            text = _(
                "{path}: the disk has room for {room} MiB and store.size is {size} MiB: the oldest"
                " records will go earlier; make room, or lower store.size"
            )
            log.warning(text.format(path=self.folder, room=max(0, most) >> 20, size=size >> 20))

    def _open(self) -> None:
        stored = read_epoch(self.folder, self._gateway)
        self.shelf.open()
        self._take_epoch(self.shelf, stored, 0)

    def commit(self, batch: WriteBatch) -> list[Doomed]:
        """Do as `Shelf.commit`, in the folder that stands at the path.

        Raises:
            Moved: it wasn't ours any more; now it is.
            StoreError: the disk refuses, or another process has the folder.
        """
        if not self._lease.is_held():
            self._move(batch)
        return self.shelf.commit(batch)

    def probe(self, size: int) -> None:
        """Do as `Shelf.probe`, unless the folder is gone: that is for `commit` to find out."""
        if self._lease.is_held():
            self.shelf.probe(size)

    def rescue(self, file: tuple[Path, int]) -> None:
        """Do as `Shelf.rescue`."""
        self.shelf.rescue(file)

    def raise_epoch(self, above: int) -> None:
        """Take the epoch after this one.

        Raises:
            StoreError: the disk refuses; the epoch is as before.
        """
        write_epoch(self.folder, self._gateway, above + 1)
        self.epoch = above + 1

    def close(self) -> None:
        """Fold the logs in and release every file; safe to call twice."""
        self.shelf.close()

    def release(self) -> None:
        """Let another process have the folder."""
        self._lease.release()

    def _move(self, batch: WriteBatch) -> None:
        lease = acquire(self.folder)
        shelf = self._make_shelf()
        try:
            stored = read_epoch(self.folder, self._gateway)
            shelf.open()
            self._see_older(shelf, batch)
            self._take_epoch(shelf, stored, (batch.last_key >> SEQ_BITS) + 1)
        except BaseException:
            shelf.close()
            lease.release()
            raise
        old = self.shelf
        shelf.take_over(old)
        self._wear_before += old.wear
        self.shelf = shelf
        old.close()
        self._lease.release()
        self._lease = lease
        raise Moved(
            _(
                "{path}: the folder was removed or replaced while the gateway ran; it goes on"
                " there with what is in memory"
            ).format(path=self.folder),
            old.view,
        )

    def _see_older(self, shelf: Shelf, batch: WriteBatch) -> None:
        """Refuse a folder that was in use since: keys must come in order."""
        if max((facts.last for facts in shelf.view), default=0) >= _first(batch):
            text = _(
                "{path}: another folder is there now, with newer records than those in memory:"
                " restart the gateway to go on with it"
            )
            raise StoreError(text.format(path=self.folder))

    def _take_epoch(self, shelf: Shelf, stored: int, least: int) -> None:
        used = max((facts.last >> SEQ_BITS for facts in shelf.view), default=0)
        epoch = max(next_epoch(stored, used, self._clock.wall_ns()), least)
        write_epoch(self.folder, self._gateway, epoch)
        self.epoch = epoch


def _first(batch: WriteBatch) -> int:
    """The lowest key in a batch."""
    keys = [records[0].key for records in (batch.rest, batch.telemetry) if records]
    return min(keys, default=batch.last_key + 1)
