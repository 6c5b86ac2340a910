"""Files on a medium that may be full, read-only, or pulled out while they are written."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Self, TextIO

from gateway.durable import sync_folder
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

_BUFFER = 1 << 20
_FOLDER_MODES = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}
"""What file systems of sticks (FAT, exFAT) may say to a sync of a folder."""


class Stick:
    """A folder that takes whole files or none: they get their names once all are on the medium.

    Use it as a context: leaving it well syncs and names, leaving it by an error removes.
    """

    def __init__(self, folder: Path, *, bom: bool) -> None:
        self._folder = folder
        self._bom = bom
        self._files: dict[str, TextIO] = {}

    def __enter__(self) -> Self:
        with self._spoken():
            if not self._folder.parent.is_dir():
                raise StoreError(
                    _(
                        "{path}: there is no such folder: is the stick plugged in and mounted?"
                    ).format(path=self._folder.parent)
                )
            self._folder.mkdir(exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            try:
                with self._spoken():
                    self._finish()
            except BaseException:
                self._remove()
                raise
        else:
            self._remove()

    def file(self, name: str) -> TextIO:
        """Return a file by the name that it will have, opened at the first time."""
        found = self._files.get(name)
        if found is None:
            with self._spoken():
                encoding = "utf-8-sig" if self._bom else "utf-8"
                part = self._folder / f"{name}.part"
                found = part.open("w", _BUFFER, encoding=encoding, newline="")
            self._files[name] = found
        return found

    @property
    def names(self) -> list[str]:
        """The files, in the order in which they were begun."""
        return list(self._files)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Say for people what the medium refuses."""
        with self._spoken():
            yield

    def _finish(self) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for name in self._files:
            (self._folder / f"{name}.part").replace(self._folder / name)
        try:
            sync_folder(self._folder)
        except OSError as error:
            if error.errno not in _FOLDER_MODES:
                raise

    def _remove(self) -> None:
        for name, file in self._files.items():
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                (self._folder / f"{name}.part").unlink()

    @contextlib.contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(self._told(error)) from error

    def _told(self, error: OSError) -> str:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            text = _(
                "{path}: the medium is full; nothing is left on it: take a larger one, or choose"
                " less with --from, --until, --asset and --class"
            )
        elif error.errno in {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ESTALE}:
            text = _(
                "{path}: the medium is gone or broken ({reason}); what is on it is not complete:"
                " plug it in and export again"
            )
        else:
            text = _("{path}: can't be written: {reason}")
        return text.format(path=self._folder, reason=error.strerror or error)
