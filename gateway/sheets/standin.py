"""A changed site file, beside the old one until it is known to be right."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from gateway.checking import examine
from gateway.durable import sync_folder
from gateway.errors import ConfigError, Fault
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

BOM = b"\xef\xbb\xbf"


class StandIn:
    """A text that is to take the place of a site file.

    Args:
        path: of the site file, which was read already.

    Attributes:
        text: of the old one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._target = path.resolve()  # what a link stands for, and not the link, is replaced
        self._fresh = path.with_name(f"{path.name}.new")
        self._old = self._target.read_bytes()
        self.text = self._old.decode("utf-8-sig")
        self._known = Counter(_essence(fault) for fault in _faults(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._fresh.unlink(missing_ok=True)

    def faults_of(self, text: str) -> list[Fault]:
        """Check a text as if it were the site file; return what the old one has not.

        Raises:
            ConfigError: it can't be written beside it.
        """
        self._write(text)
        known = Counter(self._known)
        found = []
        for fault in _faults(self._fresh):
            if fault.file == str(self._fresh):
                file = str(self.path)
                fault = Fault(file, fault.line, fault.column, fault.code, fault.what, fault.next)  # noqa: PLW2901
            if known[_essence(fault)]:
                known[_essence(fault)] -= 1
            else:
                found.append(fault)
        return found

    def replace(self, text: str) -> Path:
        """Put a text in the place of the old one; return where that is kept.

        Raises:
            ConfigError: it can't be written, or somebody changed the file meanwhile.
        """
        self._write(text)
        try:
            if self._target.read_bytes() != self._old:
                what = _("the file was changed by somebody else meanwhile")
                next_ = _("nothing was written: import the sheet again")
                raise ConfigError([Fault(str(self.path), 0, 0, "changed", what, next_)])
            backup = self._backup()
            shutil.copy2(self._target, backup)
            shutil.copymode(self._target, self._fresh)
            _keep_owner(self._target, self._fresh)
            # Beside the file itself, where a link to it lies on another disk.
            os.replace(self._fresh, self._target)  # noqa: PTH105 - one step, on Windows as well
            sync_folder(self._target.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return backup

    def _backup(self) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        names = (f"{self.path.name}.{stamp}{n}.bak" for n in ("", *(f"-{i}" for i in range(2, 99))))
        return next(path for name in names if not (path := self.path.with_name(name)).exists())

    def _write(self, text: str) -> None:
        content = (BOM if self._old.startswith(BOM) else b"") + text.encode()
        try:
            with self._fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _faults(path: Path) -> list[Fault]:
    faults, _notices = examine(path)
    return faults


def _essence(fault: Fault) -> tuple[str, str, str]:
    """What a fault says, wherever it stands: a change of the text moves the lines."""
    return fault.code, fault.what, fault.next


def _keep_owner(old: Path, new: Path) -> None:
    """Leave the file to whom it belongs; only root can, and only root needs to."""
    if hasattr(os, "chown"):
        was = old.stat()
        with contextlib.suppress(PermissionError):
            os.chown(new, was.st_uid, was.st_gid)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    what = _("the file can't be written: {error}").format(error=error.strerror or error)
    next_ = _("choose a folder that is yours, and close the file where a program has it open")
    return ConfigError([Fault(str(path), 0, 0, "unwritable", what, next_)])
