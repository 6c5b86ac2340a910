"""What a segment's commits write to the medium, reckoned from pages.

The kernel's own count of it (`write_bytes` in /proc) knows neither which file nor which part of
the program wrote; `tests/e2e/test_store_wear.py` compares the two. The journal of the file
system comes on top.
"""

from __future__ import annotations

from gateway.storage.pages import PAGE

_FRAME = PAGE + 24
_ROW = 80  # bytes of a row beside its body, about: names, time, CRC, cell
_TAIL = PAGE  # frames end within a block of the disk, which the next commit writes again
_FOLD = 4  # pages that a fold writes beside those the file grows by: leaves, roots, page 1


class Wear:
    """One segment's.

    Args:
        size: bytes of the file.

    Attributes:
        unfolded: bytes in the log since it was last folded in, about.
    """

    def __init__(self, size: int) -> None:
        self.unfolded = 0
        self._folded = 0
        self._commits = 0
        self._size = size

    @property
    def total(self) -> int:
        """Bytes written so far; those not yet folded in are estimated."""
        return self._folded + self.unfolded + self._commits * _TAIL

    def commit(self, tables: int, rows: int, bodies: int) -> None:
        """Count a commit.

        Args:
            tables: how many got rows; the last leaf of each is written again.
            rows: how many.
            bodies: their bytes.
        """
        self._commits += 1
        self.unfolded += tables * _FRAME + rows * _ROW + bodies

    def fold(self, frames: int, pages: int, size: int) -> None:
        """Count what folding the log in wrote.

        Args:
            frames: how many the log had.
            pages: how many of them were folded in; of one page only the newest is written.
            size: bytes of the file now.
        """
        grown = (size - self._size) // PAGE
        self._folded += frames * _FRAME + min(pages, grown + _FOLD) * PAGE + self._commits * _TAIL
        self.unfolded = self._commits = 0
        self._size = size
