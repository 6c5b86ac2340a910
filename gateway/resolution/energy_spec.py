"""What the energy figures of one asset are computed from: the site file, made plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.metering import DatedFactor, MeterSpec, Nameplate, Shared, Tariff, TariffRule
from gateway.metering import TariffVersion as Version
from gateway.resolution.energy_terms import ENERGY_SIGNALS
from gateway.resolution.standard import compressors
from gateway.sitefile.metering import WEIGHED, DemandConfig
from gateway.sitefile.tariffs import MONTHS, TariffConfig
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.errors import Fault
    from gateway.model import Binding
    from gateway.resolution.profile import MachineType
    from gateway.sitefile.metering import NameplateConfig, SharedConfig
    from gateway.sitefile.sections import Site
    from gateway.sitefile.tariffs import TariffRuleConfig

REGISTERS = {name for name, (kind, _unit) in ENERGY_SIGNALS.items() if kind == "register"}


def meter_spec(
    site: Site, name: str, bindings: Sequence[Binding], signals: frozenset[str]
) -> MeterSpec:
    """Take what the site file says of one asset's energy.

    Args:
        site: the site file.
        name: of the asset.
        bindings: of the asset.
        signals: what figures are computed from.
    """
    asset = site.assets[name]
    demand = asset.demand or DemandConfig()
    is_electric = not signals.isdisjoint({"energy", "power"})
    return MeterSpec(
        scales={b.signal: b.tag.scale for b in bindings if b.signal in REGISTERS},
        block_min=round(demand.block / 60),
        step_min=round(demand.step / 60),
        contract_kw=demand.contract,
        contract_by=demand.by,
        nameplate=None if asset.nameplate is None else _plate(asset.nameplate),
        tariff=_tariff(site) if is_electric else None,
        factors=tuple(_factors(site)),
        shared=None if asset.shared is None else _shared(site, asset.shared),
    )


def moduli_of(numbers: Mapping[str, float]) -> dict[str, float]:
    """Where registers wrap by their displays, as the parameters `wrap`, `wrap_water`, … say."""
    found = {f: numbers[f"wrap_{f}"] for f in REGISTERS if f"wrap_{f}" in numbers}
    return {**found, "energy": numbers["wrap"]} if "wrap" in numbers else found


def currency_of(site: Site) -> str:
    """What prices of electricity are in; "" without any."""
    tariff = site.tariff
    return tariff.currency or "" if isinstance(tariff, TariffConfig) else ""


def notices_of(site: Site, name: str, machine: MachineType) -> Iterator[Fault]:
    """Figures that stay null although nothing is wrong: no level is published, no tariff given."""
    plate, document = site.assets[name].nameplate, site.document
    if plate is not None and plate.pressure is not None and not compressors().lines(plate):
        what = _("{standard}, as far as it is known here, has no published level for such a plate")
        next_ = _("efficiency_grade stays null; a grade is never taken from a similar machine")
        what = what.format(standard=compressors().standard)
        yield document.fault(
            ("assets", name, "nameplate"), "no-published-level", what, next_, key=True
        )
    if "demand_share" in machine.kpis and site.assets[name].demand is not None:
        demand = site.assets[name].demand
        if demand is not None and demand.contract is None:
            what = _("no demand was agreed, so demand_share is not told")
            at = ("assets", name, "demand")
            yield document.fault(at, "no-contract", what, _("write e.g. contract: 315"), key=True)


def _plate(config: NameplateConfig) -> Nameplate:
    lines = compressors().lines(config) if config.pressure is not None else ()
    return Nameplate(
        power_kw=config.power,
        pressure_mpa=config.pressure,
        cooling=config.cooling or "",
        drive=config.drive,
        grade=config.grade,
        limits=lines,
        standard=compressors().standard if lines else "",
    )


def _shared(site: Site, config: SharedConfig) -> Shared:
    among = config.among
    if isinstance(among, str):
        users = [name for name, asset in site.assets.items() if asset.line == among]
        return Shared({name: 1.0 for name in users if site.assets[name].shared is None}, config.by)
    if isinstance(among, dict):
        return Shared(dict(among), config.by)
    return Shared(dict.fromkeys(among, 1.0), config.by)


def _tariff(site: Site) -> Tariff | None:
    config, calendar = site.tariff, site.calendar
    if not isinstance(config, TariffConfig):
        return None
    return Tariff(
        config.currency or "",
        tuple(
            Version(
                version.from_,
                tuple(map(_rule, version.rules)),
                {str(name): price for name, price in version.prices.items()},
            )
            for version in config.versions
        ),
        frozenset() if calendar is None else calendar.holidays,
        frozenset() if calendar is None else calendar.workdays,
    )


def _rule(config: TariffRuleConfig) -> TariffRule:
    cells = config.cells
    return TariffRule(
        frozenset(config.months or MONTHS) if cells else frozenset(),
        frozenset(kind for _month, kind in cells),
        frozenset(config.dates),
        tuple(config.day),
    )


def _factors(site: Site) -> Iterator[DatedFactor]:
    for medium, factors in site.factors.items():
        for name in WEIGHED:
            for one in getattr(factors, name):
                told = one.value, one.unit, one.year, one.scope
                yield DatedFactor(medium, name, one.from_, *told)
