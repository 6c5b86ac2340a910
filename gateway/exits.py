"""How a command ends where something was raised on purpose: in words, with a code, no traceback."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
FAULTS = 2
"""The site file has faults; also what click ends with where it can't read the command line."""

INTERRUPTED = 130
"""By Ctrl-C, as shells count it; what was found until then is told."""


@contextmanager
def in_words() -> Iterator[None]:
    """End the process with what a person can use of an error.

    Raises:
        SystemExit: with FAULTS after a fault of a file, FAILED after any other error of ours.
    """
    try:
        yield
    except ConfigError as error:
        for fault in error.faults:
            sys.stderr.write(f"{fault}\n")
        sys.exit(FAULTS)
    except GatewayError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(FAILED)
