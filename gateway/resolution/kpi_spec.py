"""What an asset's figures are computed from: profile and site merged, and what will be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.kpi import Factor, KpiSpec
from gateway.model import Kind
from gateway.resolution.energy_spec import meter_spec, moduli_of, notices_of
from gateway.resolution.energy_terms import ENERGY_SIGNALS, FLOWS
from gateway.resolution.industry import UNTYPED
from gateway.resolution.own_kpi import needs, own_kpis
from gateway.resolution.parameter import settle
from gateway.resolution.products import dated
from gateway.resolution.profile import BASE, COUNTING, SIGNALS
from gateway.resolution.reasons import of_asset, verdicts
from gateway.sitefile.commanding import takes
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.errors import Fault
    from gateway.model import Binding
    from gateway.resolution.industry import Industry
    from gateway.resolution.profile import Kpi, MachineType
    from gateway.sitefile.machines import AssetConfig
    from gateway.sitefile.sections import Site

LEAST_SILENCE_S = 10.0
SILENT_POLLS = 3
SPELT_OUT = 4
"""Figures that a notice names; those of the record come first."""
FASTEST_TIMES_IDEAL = 3.0
"""A machine that counts three times as fast as its ideal cycle is not believed."""
FASTEST_RATE = 10.0
"""Pieces per second that are believed of a machine whose ideal cycle isn't known."""


def specify(
    site: Site,
    name: str,
    industry: Industry,
    bindings: Sequence[Binding],
    periods: Mapping[tuple[str, str], float],
) -> tuple[KpiSpec, list[Fault]]:
    """Merge what profile and site say of one asset.

    Args:
        site: the site file.
        name: of the asset, whose type the profile knows.
        industry: the profile.
        bindings: of the asset.
        periods: (device, tag) → how often it is read, in s.
    """
    asset = site.assets[name]
    kind = asset.type or UNTYPED
    machine = industry.profile.types[kind]
    path = ("assets", name, "parameters")
    numbers, faults = settle(machine.parameters, asset.parameters, site.document, path, kind)
    reasons, wrong = of_asset(
        asset.reasons, industry.profile.reasons, site.document, ("assets", name, "reasons")
    )
    faults += wrong
    used = [b for b in bindings if b.signal in SIGNALS or b.signal in machine.factors]
    ideal_s = asset.ideal_cycle or machine.ideal_cycle
    products = dated(asset.products, site.site.timezone)
    own = [terms.ideal_cycle_s for found in products.values() for terms in found]
    cycles = [cycle for cycle in (ideal_s, *own) if cycle]
    usual_rate = FASTEST_TIMES_IDEAL / min(cycles) if cycles else FASTEST_RATE
    stations = numbers.get("stations")
    spec = KpiSpec(
        piece=machine.piece.unit if machine.piece else "",
        adds_up=machine.piece is None or machine.piece.adds_up,
        counting=machine.counting,
        signals=tuple(binding.signal for binding in used),
        moduli={
            **{b.signal: b.modulus for b in used if b.modulus is not None},
            **moduli_of(numbers),
        },
        # The site's words over the type's over the industry's; a bit's are 1 and 0.
        states={**industry.profile.states, **machine.states, **asset.states},
        ideal_cycle_s=ideal_s,
        ideal_basis="nameplate" if asset.ideal_cycle or any(own) else "default",
        products=products,
        micro_stop_s=machine.micro_stop if asset.micro_stop is None else asset.micro_stop,
        quality="measured" if judges(machine, {b.signal for b in used}) else "none",
        max_rate=numbers.get("max_rate", usual_rate),
        silence_s=_silence_s(used, periods),
        windows=machine.windows,
        interim_s=machine.interim,
        kpis=machine.kpis,
        profile=industry.version,
        state_basis="plc",
        stations=None if stations is None else round(stations),
        pieces_per_index=numbers.get("pieces_per_index", 1.0),
        multipliers={name: numbers.get(name) for name in machine.factors},
        max_kw=numbers.get("max_kw"),
        factors={
            key: Factor(factor.value, factor.unit, factor.year, factor.scope)
            for key, factor in industry.profile.factors.items()
        },
        counts={b.signal: abs(b.tag.scale) for b in used if b.modulus is not None},
        max_flow={m: numbers[f"max_{m}"] for m in FLOWS if f"max_{m}" in numbers},
        rate_given="max_rate" in numbers,
        within=asset.within or "",
        reasons=reasons,
        results=verdicts(industry.profile.results),
        own={k: kpi for k, kpi in own_kpis(industry.profile.kpis).items() if k in machine.kpis},
        metering=meter_spec(site, name, used, frozenset(b.signal for b in used)),
    )
    return spec, faults


def judges(machine: MachineType, bound: set[str]) -> bool:
    """Whether good pieces can be told from bad ones by what is bound."""
    if machine.counting == "pairs":
        return {"count_left", "count_right", "reject_left", "reject_right"} <= bound
    if machine.counting == "tests":
        return {"serial", "result"} <= bound
    return "good" in bound or {"count", "reject"} <= bound


def _silence_s(used: Sequence[Binding], periods: Mapping[tuple[str, str], float]) -> float:
    """How long an asset may be silent: by the tag that feeds its state, else by the slowest."""
    by_signal = {b.signal: periods.get((b.tag.device, b.tag.name), 0.0) for b in used}
    slowest = max(by_signal.values(), default=0.0)
    return max(LEAST_SILENCE_S, SILENT_POLLS * by_signal.get("state", slowest))


def missing(
    site: Site, name: str, industry: Industry, bindings: Sequence[Binding]
) -> Iterator[Fault]:
    """Give a notice for each thing whose lack leaves figures null, and name the figures."""
    asset = site.assets[name]
    machine = industry.profile.types[asset.type or UNTYPED]
    kpis = industry.profile.kpis
    document = site.document
    bound = set(asset.bind).union(binding.signal for binding in bindings)
    lacking = _lacking(asset, machine, bound)
    for signal, spec in machine.signals.items():
        if spec.layer != "N" or signal in bound or site.is_invalid("assets", name, "bind", signal):
            continue
        role = _role(signal)
        lost = _lost(machine, kpis, role) if role in lacking else []
        if not lost and role is not None:
            continue  # another signal of the same role stands in for it
        what = _("{signal} is not bound").format(signal=signal)
        next_ = _("bind it if the machine tells it")
        if lost:
            next_ = _("until it is, {kpis} stay null").format(kpis=_few(lost))
        yield document.fault(("assets", name, "bind"), "unbound", what, next_, key=True)
    if asset.products and "product" not in bound and not takes("context", site):
        what = _("the signal product is not bound, so no product is ever known")
        next_ = _(
            "bind it to the tag that holds the product's code, let a platform say it (commands,"
            " allow: [context]), or delete products"
        )
        yield document.fault(("assets", name, "products"), "unbound", what, next_, key=True)
    lost = _lost(machine, kpis, "ideal")
    if "ideal" in lacking and lost:
        what = _("there is no ideal cycle")
        next_ = _("write e.g. ideal_cycle: 12s; until then {kpis} stay null")
        yield document.fault(
            ("assets", name), "no-ideal-cycle", what, next_.format(kpis=_few(lost)), key=True
        )
    state = next((b for b in bindings if b.signal == "state"), None)
    if state and state.tag.kind is not Kind.STRING and not (asset.states or machine.states):
        what = _("{tag} gives numbers, and no word is known for them").format(
            tag=f"{state.tag.device}.{state.tag.name}"
        )
        next_ = _("write e.g. states: {{1: running, 0: idle}}; until then all are unknown").format()
        yield document.fault(("assets", name), "no-states", what, next_, key=True)
    yield from notices_of(site, name, machine)


def _lacking(asset: AssetConfig, machine: MachineType, bound: set[str]) -> set[str]:
    """Which of the roles that figures need nothing fills."""
    counted = COUNTING[machine.counting]
    filled = {
        "state": "state" in bound,
        "count": (bool(counted) and set(counted) <= bound) or {"good", "reject"} <= bound,
        "quality": judges(machine, bound),
        **{signal: signal in bound for signal in ENERGY_SIGNALS},
        "energy": "energy" in bound or "power" in bound,
        "compressed_air": "compressed_air" in bound or "air_flow" in bound,
        "ideal": bool(asset.ideal_cycle or machine.ideal_cycle)
        or any(one.ideal_cycle for terms in asset.products.values() for one in terms),
    }
    return {role for role, full in filled.items() if not full}


def _role(signal: str) -> str | None:
    """Which need of a figure a signal fills."""
    if signal == "state" or (signal in ENERGY_SIGNALS and signal not in {"power", "air_flow"}):
        return signal
    if signal.startswith("count") or signal == "serial":
        return "count"
    return "quality" if signal.startswith(("reject", "good", "result")) else None


def _few(names: Sequence[str]) -> str:
    """Spell out the figures that people look at first, and count the others."""
    if len(names) <= SPELT_OUT + 1:
        return ", ".join(names)
    some = ", ".join(names[:SPELT_OUT])
    return _("{some} and {count} more figures").format(some=some, count=len(names) - SPELT_OUT)


def _lost(machine: MachineType, kpis: Mapping[str, Kpi], role: str | None) -> list[str]:
    """The type's figures that can't do without a role."""
    figures = (*(BASE if machine.counting != "none" else ()), *machine.kpis)
    return [name for name in figures if role in needs(name, kpis)]
