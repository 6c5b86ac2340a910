"""Files and names that are on the medium when a call returns, whatever happens to the power."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as a whole: after a cut there is the old one or the new one, never half.

    It is written beside (`.new`), synced, renamed, and the folder is synced.

    Raises:
        OSError: the disk refuses; the old file is as it was, or the new one stands.
    """
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the folder's own entries (new, renamed, removed files) on the medium.

    Raises:
        OSError: the disk refuses, or a file system such as FAT has no such thing.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows opens no folder, and writes its entries by itself
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
