"""What one asset adds to figures of several: exact sums of a window, not yet ratios."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - a field's type
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.figures.media import Medium
    from gateway.figures.pieces import Output
    from gateway.figures.timeline import Times
    from gateway.figures.usage import Used
    from gateway.kpi import Factor, KpiSpec


class Part(NamedTuple):
    """One asset in one window, by the settings in force at the window's end.

    Attributes:
        line: that it stood on then.
        spec: what it is computed from.
        times: None where the asset tells neither a state nor pieces.
        output: its pieces and their ideal times.
        jumps: steps of its counters that were not believed.
        used: what its meters tell, for each medium that is bound.
        factors: what that is converted with.
        passed_ms: how much of the window has passed.
    """

    asset: str
    line: str
    spec: KpiSpec
    times: Times | None
    output: Output | None
    jumps: int
    used: Mapping[Medium, Used]
    factors: Mapping[Medium, Mapping[str, Factor]]
    passed_ms: int
