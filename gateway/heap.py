"""Giving memory back: what loading a site took for a moment would else stay with the process.

The C library keeps freed memory for what may come; after a start or a reload nothing like it
comes for months.
"""

from __future__ import annotations

import sys


def give_back() -> None:
    """Return freed pages to the system; takes about a millisecond, does nothing without glibc."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - 0.4 MB that other systems spare

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
