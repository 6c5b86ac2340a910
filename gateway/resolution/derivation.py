"""What is derived of an asset's signals: expressions of its type, states, levels and counts.

What a tag gives is never derived. What the site file says of an asset goes before what its type
says; and what a type says does nothing in an asset that doesn't have the signals for it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.derivation import CountRule, Derivation, DerivedSignal, Levels, StateRule
from gateway.deriving.deriver import COUNT, LEVEL, POWER, PULSE, STATE
from gateway.deriving.expression import Expression
from gateway.model import Binding, Kind, Tag
from gateway.resolution import pulses
from gateway.resolution.kpi_spec import LEAST_SILENCE_S, SILENT_POLLS
from gateway.resolution.profile import SignalKind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.errors import Fault
    from gateway.kpi import KpiSpec
    from gateway.resolution.profile import MachineType
    from gateway.sitefile.machines import AssetConfig
    from gateway.sitefile.sections import Site
    from gateway.sitefile.state_from import StateFrom
    from gateway.sitefile.yaml12 import KeyPath

_VALUES = {
    SignalKind.STATE: "string",
    SignalKind.TEXT: "string",
    SignalKind.FLAG: "bool",
    SignalKind.COUNTER: "float",
    SignalKind.REGISTER: "float",
    SignalKind.NUMBER: "float",
}
_TAGS = {"string": Kind.STRING, "bool": Kind.BIT, "float": Kind.F64, "int": Kind.I64}
_WORDS = ("running", "setup", "waiting", "fault", "idle", "planned_stop")
_BY_LEVEL = {"run": "running", "idle": "idle", "standby": "idle", "off": "idle"}
_BASIS = {"bits": "plc", "packml": "plc", "count": "counter", "level": "power"}
_NAMES = {
    LEVEL: {"zh": "功率等级", "en": "Power level"},
    STATE: {"zh": "运行状态", "en": "Machine state"},
    COUNT: {"zh": "产量计数", "en": "Pieces"},
}
"""Of what a type doesn't name."""


@dataclass(slots=True)
class Made:
    """What is derived of one asset.

    Attributes:
        signals, formulas, levels, state, count: as in the derivation.
        silence_s: how long the asset may be silent before its state is unknown, where that is
            derived.
        faults, notices: of the site file.
    """

    signals: list[DerivedSignal] = field(default_factory=list)
    formulas: dict[str, str] = field(default_factory=dict)
    levels: Levels | None = None
    state: StateRule | None = None
    count: CountRule | None = None
    fresh_ms: dict[str, int] = field(default_factory=dict)
    silence_s: float = LEAST_SILENCE_S
    faults: list[Fault] = field(default_factory=list)
    notices: list[Fault] = field(default_factory=list)

    @property
    def derivation(self) -> Derivation | None:
        """None where nothing is derived."""
        if not self.signals:
            return None
        return Derivation(
            signals=tuple(self.signals),
            formulas=self.formulas,
            levels=self.levels,
            state=self.state,
            count=self.count,
            fresh_ms=self.fresh_ms,
            silence_ms=round(self.silence_s * 1000),
        )

    def bindings(self, asset: str) -> tuple[Binding, ...]:
        """What is derived as if tags gave it, for figures and alarms."""
        return tuple(
            Binding(s.signal, _tag(asset, s), s.layer, None, s.unit, s.text, s.low, s.high)
            for s in self.signals
        )

    def applied(self, spec: KpiSpec) -> KpiSpec:
        """The figures' settings of an asset with what is derived of it."""
        if self.state is None:
            return spec
        words = _BY_LEVEL if self.state.by == LEVEL else dict(zip(_WORDS, _WORDS, strict=True))
        basis = _BASIS[self.state.by]
        if self.state.by == COUNT and self.count is not None and self.count.by == POWER:
            basis = "power"
        return dataclasses.replace(
            spec, states={**words, **spec.states}, state_basis=basis, silence_s=self.silence_s
        )


def derive(
    site: Site,
    name: str,
    machine: MachineType,
    bindings: Iterable[Binding],
    periods: Mapping[tuple[str, str], float],
) -> Made:
    """Say what is derived of one asset.

    Args:
        site: the site file.
        name: of the asset.
        machine: its type.
        bindings: what tags, or a trace, give.
        periods: (device, tag) → how often it is read, in s.
    """
    bound = {binding.signal: binding for binding in bindings}
    polls = {
        signal: periods.get((binding.tag.device, binding.tag.name), 0.0)
        for signal, binding in bound.items()
    }
    maker = _Maker(site, name, machine, set(bound))
    maker.formulas()
    maker.count(polls)
    maker.levels()
    maker.state()
    made = maker.made
    made.fresh_ms = {
        signal: round(1000 * max(LEAST_SILENCE_S, SILENT_POLLS * poll_s))
        for signal, poll_s in polls.items()
        if poll_s and signal in maker.needed()
    }
    dwell_ms = made.levels.dwell_ms if made.levels is not None else 0
    of_state = [made.fresh_ms.get(signal, 0) for signal in maker.needed(of_state=True)]
    made.silence_s = max([LEAST_SILENCE_S, *(ms / 1000 for ms in of_state)]) + dwell_ms / 1000
    return made


class _Maker:
    """Puts together what one asset's signals allow, in the order in which one builds on another.

    Args:
        site, name, machine: as for `derive`.
        known: signals that are bound; what is derived joins them.
    """

    def __init__(self, site: Site, name: str, machine: MachineType, known: set[str]) -> None:
        self.made = Made()
        self._document = site.document
        self._config: AssetConfig = site.assets[name]
        self._path: KeyPath = ("assets", name)
        self._machine = machine
        self._known = known

    def formulas(self) -> None:
        """Signals that the type computes, each after those that it needs."""
        waiting = {
            signal: Expression(spec.computed)
            for signal, spec in self._machine.signals.items()
            if spec.computed is not None and signal not in self._known
        }
        while ready := [s for s, e in waiting.items() if self._known.issuperset(e.names)]:
            for signal in ready:
                text = waiting.pop(signal).text
                self.made.formulas[signal] = text
                self._add(signal, _VALUES[self._machine.signals[signal].kind], text)
        for signal, expression in waiting.items():
            lacking = [name for name in expression.names if name not in self._known]
            if len(lacking) < len(expression.names):
                what = _("{signal} can't be computed, {names} is not bound").format(
                    signal=signal, names=", ".join(lacking)
                )
                next_ = _("bind it if the machine tells it")
                at = (*self._path, "bind")
                self.made.notices.append(self._document.fault(at, "unbound", what, next_, key=True))

    def count(self, polls: Mapping[str, float]) -> None:
        """The count, from strokes of the power or from pulses."""
        own, rule = self._config.count_from, self._config.count_from or self._machine.count_from
        if COUNT in self._known or COUNT not in self._machine.signals:
            if own is not None:
                self._contradicted("count_from", COUNT)
            return
        by = PULSE if rule is None or rule.power is None else POWER
        if by not in self._known:
            if own is not None:
                self._lacking(("count_from", by), by)
            return
        if rule is not None and rule.power is not None:
            strokes = rule.power
            dwell_ms = round(strokes.dwell * 1000)
            self.made.count = CountRule(POWER, strokes.above, strokes.below, dwell_ms)
        else:
            limits = None if rule is None else rule.pulse
            at = (*self._path, *(("count_from", "pulse") if own else ("bind", "pulse")))
            found = pulses.judge(limits, polls.get(PULSE, 0.0), at, self._document)
            (self.made.faults if limits else self.made.notices).extend(found)
            self.made.count = CountRule(PULSE)
        self._add(COUNT, "int", by)

    def levels(self) -> None:
        """What the machine does, by its power."""
        own = self._config.levels
        config = own or self._machine.levels
        if config is None:
            return
        if POWER not in self._known:
            if own is not None:
                self._lacking(("levels",), POWER)
        elif LEVEL not in self._known:
            dwell_ms = round(config.dwell * 1000)
            self.made.levels = Levels(tuple(config.edges()), config.hysteresis, dwell_ms)
            self._add(LEVEL, "string", POWER)

    def state(self) -> None:
        """The state, by a rule, or else by level."""
        own = self._config.state_from
        if STATE in self._known or STATE not in self._machine.signals:
            if own is not None:
                self._contradicted("state_from", STATE)
            return
        rule = own or self._machine.state_from
        lacking = [] if rule is None else [n for n in rule.needs() if n not in self._known]
        if rule is not None and not lacking:
            self.made.state = self._rule(rule)
        elif own is not None:
            for signal in lacking:
                self._lacking(("state_from",), signal)
        elif LEVEL in self._known:
            self.made.state = StateRule(LEVEL, (LEVEL,))
        if self.made.state is not None:
            needs = ", ".join(self.made.state.signals)
            self._add(STATE, "string", f"{self.made.state.by}: {needs}")

    def needed(self, *, of_state: bool = False) -> set[str]:
        """Signals from which others follow; of the state alone where asked."""
        made = self.made
        needed = set(() if made.state is None else made.state.signals)
        if LEVEL in needed or (made.levels is not None and not of_state):
            needed.add(POWER)
        if made.count is not None and (COUNT in needed or not of_state):
            needed.add(made.count.by)
        for signal, text in reversed(made.formulas.items()):
            if signal in needed or not of_state:
                needed.update(Expression(text).names)
        return needed

    def _rule(self, rule: StateFrom) -> StateRule | None:
        if rule.bits is not None:
            signals, words = zip(*rule.bits, strict=True)
            return StateRule("bits", signals, words, rule.otherwise)
        if rule.packml is not None:
            return StateRule("packml", rule.packml, setup_modes=rule.setup_modes)
        cycles = [self._config.ideal_cycle or self._machine.ideal_cycle]
        cycles += [one.ideal_cycle for terms in self._config.products.values() for one in terms]
        known = [cycle for cycle in cycles if cycle]
        if not known or rule.count is None:
            what = _("the state follows from counts within ideal cycles, and there is none")
            next_ = _("write e.g. ideal_cycle: 12s")
            at = (*self._path, "state_from") if self._config.state_from else self._path
            self.made.faults.append(
                self._document.fault(at, "no-ideal-cycle", what, next_, key=True)
            )
            return None
        # The slowest product: no faster one is to stand still between two of its pieces.
        within_ms = round(rule.count.within * max(known) * 1000)
        return StateRule(COUNT, (COUNT,), within_ms=within_ms)

    def _add(self, signal: str, value: str, source: str) -> None:
        self._known.add(signal)
        spec = self._machine.signals.get(signal)
        if spec is None:
            made = DerivedSignal(signal, value, source, "X", text=_NAMES[signal])
        else:
            named = (spec.layer, spec.unit, spec.name, spec.low, spec.high)
            made = DerivedSignal(signal, value, source, *named)
        self.made.signals.append(made)

    def _lacking(self, keys: tuple[str, ...], signal: str) -> None:
        """Say that what the site file wants to derive from isn't there."""
        what = _("it needs the signal {signal}, which is not bound").format(signal=signal)
        if signal not in self._machine.signals:
            what = _("it needs the signal {signal}, which this type of machine does not have")
            what = what.format(signal=signal)
        next_ = _("bind it, or delete this key")
        at = (*self._path, *keys)
        self.made.faults.append(self._document.fault(at, "unbound", what, next_, key=True))

    def _contradicted(self, key: str, signal: str) -> None:
        """Say that two things tell a signal, or that the type doesn't have it."""
        what = _("a tag gives {signal} already").format(signal=signal)
        next_ = _("delete this key, or {signal} under bind:").format(signal=signal)
        if signal not in self._machine.signals:
            what = _("this type of machine has no signal {signal}").format(signal=signal)
            next_ = _("delete this key, or choose another type")
        at = (*self._path, key)
        self.made.faults.append(self._document.fault(at, "contradiction", what, next_, key=True))


def may_derive(machine: MachineType | None, config: AssetConfig) -> set[str]:
    """Signals that may turn out to be derived, for what refers to them by name."""
    if machine is None:
        return set()
    computed = {name for name, signal in machine.signals.items() if signal.computed is not None}
    return (computed | {LEVEL, STATE, COUNT}) - config.bind.keys()


def _tag(asset: str, signal: DerivedSignal) -> Tag:
    return Tag(asset, signal.signal, _TAGS[signal.value], "", None, unit=signal.unit)
