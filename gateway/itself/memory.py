"""What the gateway knows of its last run: what its figures depended on, and how it ended.

One small file in the store's folder, replaced as a whole. It is written after what it says was
told is on the medium, so after a power cut a change may be told twice and never not at all. A file
that can't be read is as good as none: nothing is told to have changed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from gateway.durable import write_whole
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger("nxgate.itself")

FILE = "last-run.json"


@dataclass(frozen=True, slots=True)
class LastRun:
    """What an earlier process left.

    Attributes:
        figures: path in the site file → what it said, of all that figures depend on.
        is_over: the process stopped in order.
    """

    figures: Mapping[str, object] = field(default_factory=dict)
    is_over: bool = False


def recall(folder: Path) -> LastRun | None:
    """Read what the last run left; None where there was none."""
    try:
        fields = orjson.loads((folder / FILE).read_bytes())
        return LastRun(dict(fields["figures"]), bool(fields["is_over"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = _("{path} can't be read and is written anew: {reason}")
        log.warning(text.format(path=folder / FILE, reason=error))
        return None


def note(folder: Path, run: LastRun) -> None:
    """Write it, and be sure that it is on the medium; a disk that refuses is only logged."""
    body = orjson.dumps({"figures": dict(run.figures), "is_over": run.is_over})
    try:
        write_whole(folder / FILE, body)
    except OSError as error:
        text = _("{path} can't be written: {reason}")
        log.warning(text.format(path=folder / FILE, reason=error.strerror or error))
