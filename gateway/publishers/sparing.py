"""Leaving out what a library imports for the sake of another one that isn't installed."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def unneeded(name: str, *, unless: str) -> Iterator[None]:
    """Import what is imported meanwhile without a module; who asks for that later gets it.

    `urllib.request` is 1.5 MB of resident memory with the HTTP and the mail that it brings.

    Args:
        name: the module.
        unless: the one for whose sake it is imported: where that is installed, both are.
    """
    if name in sys.modules or find_spec(unless) is not None:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
