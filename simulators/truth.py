"""What really happened, as JSON lines: the yardstick for what the gateway makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Required, TypedDict

from gateway.errors import ConfigError, Fault
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO


class Happening(TypedDict, total=False):
    """What happened; `type` says which of the fields it has.

    begin: `counts` (registers at the start; meters: `kwh`), `seed`.
    state: `state`, and why: `reason`.
    index: one step of a rotary table; `n` (the register), `mounted`.
    shoe: one half shoe; `side`, `n` (the register).
    reject: `n` (the register), and `side` where shoes are counted by side.
    energy: `kwh` (the register).
    fault: `fault`, `active`; `by_s` where it is a delay.
    read: a request that was answered as it should be: `table`, `at`, `n` elements (only where
        the scenario says `log_reads`).
    end: machines: `counts` (registers), `made` (growth since begin), `time_s` (by state), `kwh`
        (used since begin); meters: `kwh` (the register).
    """

    type: Required[str]
    state: str
    reason: str
    n: int
    side: str
    mounted: int
    kwh: float
    fault: str
    active: bool
    by_s: float
    table: str
    at: int
    seed: int
    counts: dict[str, int]
    made: dict[str, int]
    time_s: dict[str, float]


class Event(Happening):
    """One line: a happening with its place in time.

    Attributes:
        t: UTC ms.
        on: the scenario's name of the device.
    """

    t: Required[int]
    on: Required[str]


class Truth:
    """A file that grows as things happen; each line is out before the next thing does."""

    def __init__(self, path: Path | None) -> None:
        """Begin the file; None writes nowhere.

        Raises:
            ConfigError: the file can't be written.
        """
        self._file: TextIO | None = None
        try:
            if path is not None:
                self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            what = _("can't be written ({error})").format(error=error.strerror or error)
            next_ = _("name a file in a folder that you may write to")
            raise ConfigError([Fault(str(path), 0, 0, "unwritable", what, next_)]) from error

    def write(self, events: Iterable[Event]) -> None:
        """Add events; nothing where there is no file."""
        if self._file is not None:
            for event in events:
                self._file.write(json.dumps(event, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._file is not None:
            self._file.close()


def read(path: Path) -> list[Event]:
    """Read a truth file back."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
