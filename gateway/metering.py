"""What the figures of energy are computed from beside the readings: settled once, plain data.

Parts of `KpiSpec` (gateway/kpi.py). What has a date (tariffs, conversion factors) holds for the
time that it is dated for, so the newest site file's word counts for the past too; everything else
holds with the settings of its time.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - plain.py reads these hints
from dataclasses import dataclass, field, replace
from datetime import date  # noqa: TC003

WORKDAY, WEEKEND, HOLIDAY = DAY_TYPES = ("workday", "weekend", "holiday")


@dataclass(frozen=True, slots=True)
class TariffRule:
    """The slots of some days.

    Attributes:
        months: 1 to 12.
        days: of `DAY_TYPES`; empty where the rule is for `dates` alone.
        dates: listed days, whatever their type.
        slots: (from, to, slot) in minutes after local midnight; they tile the day, in order.
    """

    months: frozenset[int]
    days: frozenset[str]
    dates: frozenset[date]
    slots: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A tariff from a date on, until the next version.

    Attributes:
        prices: slot → price of a kWh; empty where none are known.
    """

    since: date
    rules: tuple[TariffRule, ...]
    prices: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Tariff:
    """A time-of-use tariff.

    Attributes:
        currency: of the prices; "" without.
        versions: in the order of their dates.
        holidays, workdays: by which a day's type is told: a make-up day is a workday.
    """

    currency: str
    versions: tuple[TariffVersion, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class DatedFactor:
    """What a medium is converted with from a date on.

    Attributes:
        medium: `electricity`, `gas`, …
        name: `kgce` or `co2`.
        since: None: ever since.
        year: of the source's statistics, where it has one.
    """

    medium: str
    name: str
    since: date | None
    value: float
    unit: str
    year: int | None
    scope: str


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What stands on a machine's plate; None where the site file doesn't say.

    Attributes:
        power_kw: rated.
        pressure_mpa: rated, of a compressor.
        cooling: air | liquid.
        drive: fixed | variable speed.
        grade: efficiency grade of a motor, as its plate has it.
        limits: the lines of grades 1, 2 and 3 in kW/(m3/min), from the table of a standard;
            empty where no level is published for such a machine.
        standard: which, with its year.
    """

    power_kw: float | None = None
    pressure_mpa: float | None = None
    cooling: str = "air"
    drive: str = "fixed"
    grade: int | None = None
    limits: tuple[float | None, ...] = ()
    standard: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """Who a shared machine works for.

    Attributes:
        among: asset → its share, where shares are fixed; else each with 1.
        by: run_time | pieces | share.
    """

    among: Mapping[str, float]
    by: str


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """What the energy figures of one asset are computed from.

    Attributes:
        scales: register signal → what the device's raw count is multiplied by; another one
            (a changed current transformer) begins an epoch.
        block_min, step_min: length of a demand block, and how far sliding ones are apart.
        contract_kw: demand agreed with the supplier.
        contract_by: fixed | sliding: which demand it is about.
        nameplate: None where nothing is said.
        tariff: None: electricity has no slots.
        factors: beside the profile's; of two dated alike for the same thing there are none.
        shared: who uses what this asset produces; None: nobody but itself.
    """

    scales: Mapping[str, float] = field(default_factory=dict)
    block_min: int = 15
    step_min: int = 1
    contract_kw: float | None = None
    contract_by: str = "fixed"
    nameplate: Nameplate | None = None
    tariff: Tariff | None = None
    factors: tuple[DatedFactor, ...] = ()
    shared: Shared | None = None

    def with_dated(self, of: MeterSpec) -> MeterSpec:
        """These settings with the dated ones of another."""
        return replace(self, tariff=of.tariff, factors=of.factors)


UNMETERED = MeterSpec()
