"""What the keys of one machine type say of one another, and of what the gateway computes."""

from collections.abc import Iterator

from gateway.deriving.expression import Expression
from gateway.errors import Fault
from gateway.resolution import formula
from gateway.resolution.profile import COUNTING, PARAMETERS, SIGNALS, MachineType, SignalKind
from gateway.sitefile.document import Document, instead
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _

_TRUE = {SignalKind.FLAG, SignalKind.NUMBER}


def check(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """Give every fault of a type whose parts are each right.

    Args:
        machine: the type.
        path: of it in the profile.
        document: the profile.
    """
    yield from _signals(machine, (*path, "signals"), document)
    yield from _counting(machine, path, document)
    yield from _computed(machine, (*path, "signals"), document)
    yield from _state(machine, (*path, "state_from"), document)
    yield from _by_power(machine, path, document)
    for name in machine.parameters:
        if name not in PARAMETERS and name not in machine.factors:
            what = _("the gateway makes no use of such a parameter")
            next_ = _("there are: {known}").format(known=", ".join(PARAMETERS))
            at = (*path, "parameters", name)
            yield document.fault(at, "unknown-parameter", what, next_, key=True)


def _signals(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """Signals that figures are computed from must be what they are taken for."""
    for name, signal in machine.signals.items():
        if name not in SIGNALS:
            continue
        kind, unit = SIGNALS[name]
        if signal.kind is not kind:
            what = _("figures are computed from {name} as a {kind}").format(name=name, kind=kind)
            next_ = _("write kind: {kind}, or give the signal another name").format(kind=kind)
            yield document.fault((*path, name, "kind"), "wrong-kind", what, next_)
        elif unit is not None and signal.unit != unit:
            what = _("figures are computed from {name} in {unit}").format(name=name, unit=unit)
            next_ = _("write unit: {unit}; tags in another unit are converted").format(unit=unit)
            yield document.fault((*path, name, "unit"), "wrong-unit", what, next_)


def _counting(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """The rule by which counts become pieces needs its signals, its factors and a piece."""
    for name in COUNTING[machine.counting]:
        if name not in machine.signals:
            what = _("the rule {rule} counts {name}, which is no signal here").format(
                rule=machine.counting, name=name
            )
            next_ = _("add the signal, or choose another rule")
            yield document.fault((*path, "counting"), "missing-signal", what, next_)
    if machine.counting != "none" and machine.piece is None:
        what = _("what is counted has no name")
        next_ = _("write e.g. piece: {{unit: pair, name: {{zh: 双, en: pair}}}}").format()
        yield document.fault(path, "missing-key", what, next_, key=True)
    if machine.counting == "multiplied" and not machine.factors:
        what = _("it is not said what a count is multiplied by")
        yield document.fault(
            path, "missing-key", what, _("write e.g. factors: [cavities]"), key=True
        )
    if machine.factors and machine.counting != "multiplied":
        what = _("the rule {rule} multiplies by nothing").format(rule=machine.counting)
        next_ = _("write counting: multiplied, or delete factors")
        yield document.fault((*path, "factors"), "one-of", what, next_, key=True)
    for index, name in enumerate(machine.factors):
        signal, at = machine.signals.get(name), (*path, "factors", index)
        if signal is None and name not in machine.parameters:
            what = _("{name} is neither a signal nor a parameter here").format(name=name)
            next_ = _("add one of that name, so that somebody can say how many there are")
            yield document.fault(at, "missing-signal", what, next_)
        elif signal is not None and signal.kind is not SignalKind.NUMBER:
            what = _("a count can't be multiplied by a {kind}").format(kind=signal.kind)
            yield document.fault(at, "wrong-kind", what, _("take a signal of kind: number"))


def _computed(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """A signal is computed from others of the type, and not from itself."""
    formulas = {
        name: signal.computed
        for name, signal in machine.signals.items()
        if signal.computed is not None
    }
    for name, computed in formulas.items():
        at = (*path, name, "is")
        yield from formula.unknown(computed, machine.signals, at, document)
        around = _circle(name, formulas)
        if around and name == min(around):
            what = _("it is computed from itself: {around}").format(
                around=" → ".join((*around, name))
            )
            next_ = _("compute one of them from what is read")
            offset = Expression(computed).places[(*around, name)[1]]
            yield document.fault(at, "circle", what, next_, offset=offset)


def _circle(name: str, formulas: dict[str, str]) -> tuple[str, ...]:
    """The shortest way from a computed signal back to itself; () where there is none."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for used in Expression(formulas[way[-1]]).names:
            if used == name:
                return way
            if used in formulas and used not in seen:
                seen.add(used)
                ways.append((*way, used))
    return ()


def _state(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """What the state follows from must be signals of the type, of a kind that can tell."""
    rule = machine.state_from
    if rule is None:
        return
    if "state" not in machine.signals:
        what = _("a state follows from this, and the type has no signal state")
        yield document.fault(path, "missing-signal", what, _("add it under signals:"), key=True)
    for index, name in enumerate(rule.needs()):
        at: KeyPath = (*path, "packml", index)
        if rule.bits is not None:
            at = (*path, "bits", index, 0)
        elif rule.count is not None:
            at = (*path, "count")
        signal = machine.signals.get(name)
        if signal is None:
            what = _("there is no signal {name} here").format(name=name)
            next_ = instead(name, machine.signals, _("add it under signals:"))
            yield document.fault(at, "missing-signal", what, next_)
        elif rule.bits is not None and signal.kind not in _TRUE:
            what = _("a {kind} is neither true nor false").format(kind=signal.kind)
            yield document.fault(at, "wrong-kind", what, _("take a signal of kind: flag"))


def _by_power(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """Levels and counts need the signals that they are made of, and a count one that it is."""
    count = machine.count_from
    needs: list[tuple[str, str]] = []
    if machine.levels is not None:
        needs.append(("levels", "power"))
    if count is not None:
        needs.append(("count_from", "pulse" if count.power is None else "power"))
        needs.append(("count_from", "count"))
    for key, name in needs:
        if name not in machine.signals:
            what = _("there is no signal {name} here").format(name=name)
            next_ = _("add it under signals:")
            yield document.fault((*path, key), "missing-signal", what, next_, key=True)
