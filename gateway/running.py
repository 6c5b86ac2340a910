"""`nxgate run`: the one command that stays, for ten years.

What it needs of a command line is a path and two flags, so it does without click where they are
all that is given (1.6 MB, and 20 ms of a slow core's start). Whatever else stands there (`--help`,
a slip) is click's to answer.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = "run"
VERBOSE = "--verbose"
TRUST_CLOCK = "--trust-clock"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run.

    Attributes:
        verbose: log more.
        trust_clock: take the system's clock for right where nothing could confirm it.
    """

    site: Path
    verbose: bool = False
    trust_clock: bool = False


def understand(arguments: Sequence[str]) -> Wanted | None:
    """Read a command line that asks to run a site and nothing else; None where it is another."""
    if arguments[:1] != [COMMAND]:
        return None
    flags = {argument for argument in arguments[1:] if argument.startswith("-")}
    sites = [argument for argument in arguments[1:] if argument not in flags]
    if len(sites) != 1 or not flags <= {VERBOSE, TRUST_CLOCK}:
        return None
    return Wanted(Path(sites[0]), VERBOSE in flags, TRUST_CLOCK in flags)


def run(wanted: Wanted) -> None:
    """Run; the store is left whole whenever and however it stops."""
    from gateway import loading  # noqa: PLC0415 - its imports are not another command's
    from gateway.signals import Signals  # noqa: PLC0415

    logging.basicConfig(
        level=logging.DEBUG if wanted.verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        stream=sys.stderr,
    )
    faulthandler.enable()  # where it hung, when a watchdog ends it
    began_ns = time.time_ns()
    with Signals() as signals:
        with signals.ending_at_once(), loading.begin(wanted.site) as loaded:
            from gateway.agent import Agent, launch  # noqa: PLC0415 - while the child loads
            from gateway.timekeeping.evidence import ThisSystem  # noqa: PLC0415
            from gateway.timekeeping.keeper import Timekeeper  # noqa: PLC0415

            plant = loaded()
        clock = Timekeeper(ThisSystem(), vouched=wanted.trust_clock)
        agent = Agent(plant, clock, read_ns=began_ns)
        del plant  # it lets go of what it doesn't need
        launch(lambda: agent.run(signals))
