"""What the figures of one asset are computed from: settled once, plain data.

What energy alone needs is in `gateway/metering.py`.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - plain.py reads these hints
from dataclasses import dataclass, field

from gateway.metering import UNMETERED, MeterSpec


@dataclass(frozen=True, slots=True)
class Factor:
    """What energy is converted with, as the figures that used it name it.

    Attributes:
        unit: of the result per kWh, e.g. `kgce/kWh`.
        year, scope: of the source's statistics, e.g. 2023, `national`; year None without one.
    """

    value: float
    unit: str
    year: int | None
    scope: str


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """What holds for a product from a time on, until its next terms.

    Attributes:
        since_ms: UTC ms; 0: always.
        ideal_cycle_s: seconds per piece, see `KpiSpec.ideal_cycle_s`; None: the asset's own.
        sam_s: standard allowed time of one piece over all operations; None: not known.
    """

    since_ms: int
    ideal_cycle_s: float | None
    sam_s: float | None = None


@dataclass(frozen=True, slots=True)
class OwnKpi:
    """A figure of the firm's own.

    Attributes:
        record: whose figures it is computed from, and which tells it: oee | energy.
        formula: an expression over their names.
    """

    record: str
    formula: str


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """What the figures of one asset are computed from: profile and site, merged.

    Attributes:
        piece: unit of count, e.g. `pair`.
        counting: `direct` (signals count, reject, good), `pairs` (count_left, count_right,
            reject_left, reject_right → whole pairs), `stations` (count = table indexes;
            pieces = indexes × mounted / stations × pieces_per_index), `multiplied` (pieces =
            count × each of `multipliers`), `tests` (serial, result: a piece for each serial
            number) or `none` (a meter).
        signals: the normalised signals bound, so what may appear in the log.
        moduli: counter signal → where it wraps, absent where it never does.
        states: raw word → state of the contract; a word not in it is unknown.
        ideal_cycle_s: seconds per piece (per index for `stations`, per count for `multiplied`,
            per test for `tests`); None: no p, no oee.
        ideal_basis: nameplate | measured | default.
        products: product code → its terms, in order of time.
        micro_stop_s: a stop shorter than this counts as run; None: every stop is a stop.
        quality: measured | entered | none.
        max_rate: pieces per second beyond which a counter's step is not believed.
        rate_given: whether the site file says it; else it follows the shortest ideal cycle.
        silence_s: an asset not heard for longer is unknown from its last good value on.
        windows: kinds to publish, of quarter | hour | shift | day.
        interim_s: publish open windows (`final: false`) each so many seconds; None: never.
        kpis: names to publish beside the four.
        profile: `shoes@1.0.0+9f3c`, as figures name it.
        state_basis: plc | power | counter | entered.
        stations, pieces_per_index: of a rotary table, see `counting`.
        multipliers: for `multiplied`: signal that a count is multiplied by → what it is where
            the signal doesn't tell, and what is to be had of it at most; None: not known.
        max_kw: power beyond which a register's step is not believed.
        max_flow: medium → the same for other media, in the medium's unit per hour.
        factors: `kgce` and `co2`, as the profile states them.
        counts: counter or register → size of one count in its unit, 1 where absent; a polled
            counter may step by one however little time passed.
        metering: what energy alone needs.
        reasons: key or code of a stop reason, spelled as it is read → the loss it belongs to.
        results: what a test bench gives, spelled as it is read → whether the test was passed.
        own: figures of the firm's own among `kpis`, whose names begin with x_.
        adds_up: whether pieces of several such machines add up; operations of a garment don't.
        within: the asset whose meters measure what this one's do as well; "" where none does.
    """

    piece: str
    counting: str
    signals: tuple[str, ...]
    moduli: Mapping[str, float]
    states: Mapping[str, str]
    ideal_cycle_s: float | None
    ideal_basis: str
    products: Mapping[str, tuple[ProductTerms, ...]]
    micro_stop_s: float | None
    quality: str
    max_rate: float
    silence_s: float
    windows: tuple[str, ...]
    interim_s: float | None
    kpis: tuple[str, ...]
    profile: str
    state_basis: str
    stations: int | None = None
    pieces_per_index: float = 1.0
    multipliers: Mapping[str, float | None] = field(default_factory=dict)
    max_kw: float | None = None
    factors: Mapping[str, Factor] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    max_flow: Mapping[str, float] = field(default_factory=dict)
    rate_given: bool = False
    metering: MeterSpec = UNMETERED
    reasons: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, bool] = field(default_factory=dict)
    own: Mapping[str, OwnKpi] = field(default_factory=dict)
    adds_up: bool = True
    within: str = ""
