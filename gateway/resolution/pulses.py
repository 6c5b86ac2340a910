"""Whether pulses can be counted by asking for them again and again.

A pulse is seen if a poll falls into it, and told from the next one if another falls into the pause
between them. Polls come now and then a little late, so each must last for two of them; shorter
ones are lost without a trace, and no later figure could show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import Fault
    from gateway.sitefile.derived import PulsesConfig
    from gateway.sitefile.document import Document
    from gateway.sitefile.yaml12 import KeyPath

LEAST_POLLS = 2
MODULE = "Advantech ADAM-6051 (template: advantech/adam6051)"
"""A module whose inputs have counters of their own; Waveshare's have none."""


def judge(
    limits: PulsesConfig | None, poll_s: float, path: KeyPath, document: Document
) -> Iterator[Fault]:
    """Hold the shortest pulse and pause against the time between two polls.

    Args:
        limits: as the site file or the type states them; None: neither does.
        poll_s: how often the pulse's tag is read; 0: nothing polls it.
        path: of what is to blame in the site file.
        document: the site file.
    """
    if not poll_s:
        return
    least_s = LEAST_POLLS * poll_s
    if limits is None:
        what = _(
            "pulses are counted by polling each {poll}: any that is shorter than {least}, or"
            " comes after a shorter pause, is lost"
        )
        next_ = _(
            "write count_from: {{pulse: {{min_pulse: 1s, min_pause: 1s}}}} with what the machine"
            " does, or let a module count, e.g. {module}, and bind its counter to count"
        )
        yield document.fault(
            path,
            "pulses",
            what.format(poll=_spelled(poll_s), least=_spelled(least_s)),
            next_.format(module=MODULE),
            key=True,
        )
        return
    for key, shortest_s in (("min_pulse", limits.min_pulse), ("min_pause", limits.min_pause)):
        if shortest_s < least_s:
            what = _(
                "a pulse of {shortest} is under two polls of {poll} each: some would be missed"
            )
            if key == "min_pause":
                what = _(
                    "a pause of {shortest} is under two polls of {poll} each: two pulses would"
                    " count as one"
                )
            next_ = _(
                "read the tag every {fast} or faster, in a group of its own, or let a module"
                " count, e.g. {module}, and bind its counter to count"
            )
            yield document.fault(
                (*path, key) if path[-2] == "count_from" else path,
                "pulses",
                what.format(shortest=_spelled(shortest_s), poll=_spelled(poll_s)),
                next_.format(fast=_spelled(shortest_s / LEAST_POLLS), module=MODULE),
            )


def _spelled(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
