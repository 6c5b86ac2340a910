"""An ext4 of a test's own on a loop device, whose power can be cut."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# _IOR('X', 125, __u32) of linux/fs.h.
FS_IOC_SHUTDOWN = 0x8004587D
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878  # _IOWR('X', 119 and 120, int)
FLUSH = 0
"""Freeze, so that all is written out first."""
LOG_FLUSH = 1
"""Write the journal out first, as a disk that is told of the cut."""
NO_LOG_FLUSH = 2
"""Write nothing more."""


class LoopDisk:
    """A file system in a file.

    A cut drops what the file system hasn't written, journal included; what it has handed to the
    device stays, so a device that lies about its cache is not tried.

    Attributes:
        mount_point: where it is, while mounted.
    """

    def __init__(self, folder: Path, megabytes: int = 64) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root, to mount")
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("needs mkfs.ext4")
        self.image = folder / "disk.img"
        self.mount_point = folder / "disk"
        self.mount_point.mkdir()
        with self.image.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True, capture_output=True)

    def mount(self) -> None:
        """Mount it; the journal is replayed. Skips the test where that can't be.

        What was there before must be gone by then: the same image would go on with a file system
        that was cut.
        """
        deadline = time.monotonic() + 30
        while subprocess.run(
            ["losetup", "-j", self.image], check=True, capture_output=True
        ).stdout.strip():
            assert time.monotonic() < deadline, "something holds the disk that was cut"
            time.sleep(0.01)
        done = subprocess.run(
            ["mount", "-o", "loop", self.image, self.mount_point],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"no loop mount here: {done.stderr.strip()}")

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", self.mount_point], check=False, capture_output=True)

    def cut(self, how: int = NO_LOG_FLUSH) -> None:
        """Cut its power."""
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", how))
        except OSError as error:
            pytest.skip(f"this kernel's ext4 can't be shut down: {error}")
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Look whether the unmounted file system is whole, once its journal is replayed."""
        done = subprocess.run(
            ["fsck.ext4", "-p", self.image], check=False, capture_output=True, text=True
        )
        assert done.returncode in {0, 1}, done.stdout + done.stderr


@contextmanager
def frozen(place: Path) -> Iterator[None]:
    """Have every write to a file system wait."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, FIFREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(descriptor, FITHAW, 0)
    finally:
        os.close(descriptor)
