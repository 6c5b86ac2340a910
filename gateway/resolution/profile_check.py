"""What one key of a profile says of another, of the gateway, and of the layers N and X."""

from collections.abc import Iterable, Iterator

from gateway.errors import Fault
from gateway.resolution import own_kpi, reasons, type_check
from gateway.resolution.extension import closed
from gateway.resolution.layers import Layered
from gateway.resolution.profile import BASE, KNOWN_KPIS, SIGNALS, Profile
from gateway.sitefile.document import Document, instead
from gateway.words import _

OPENABLE = (
    "states.+",
    "reasons.**.of.+",
    "kpis.+",
    "types.*.ideal_cycle",
    "types.*.micro_stop",
    "types.*.interim",
    "types.*.levels.*",
    "types.*.states.+",
    "types.*.parameters.*.default",
    "types.*.signals.*.low",
    "types.*.signals.*.high",
    "types.*.signals.+",
)
"""What a profile may open to extensions: nothing that figures of N depend on in their meaning."""


def check(profile: Profile, document: Layered) -> Iterator[Fault]:
    """Give every fault of a profile whose parts are each right."""
    for index, pattern in enumerate(profile.open):
        if closed(pattern, OPENABLE):
            what = _("{path} is the same for every factory and can't be opened").format(
                path=pattern
            )
            next_ = _("what may be opened is {known}").format(known=", ".join(OPENABLE))
            yield document.fault(("open", index), "not-open", what, next_)
    yield from reasons.check(profile.reasons, profile.results, document)
    yield from _kpis(profile, document)
    for name, machine in profile.types.items():
        yield from type_check.check(machine, ("types", name), document)
        for index, kpi in enumerate(machine.kpis):
            if kpi not in profile.kpis:
                at = ("types", name, "kpis", index)
                yield _unknown_kpi(kpi, at, document, profile.kpis)


def _kpis(profile: Profile, document: Document) -> Iterator[Fault]:
    """A figure is one that the gateway computes, or one's own; and somebody tells it."""
    computed = [name for name in KNOWN_KPIS if name not in BASE]
    for name, kpi in profile.kpis.items():
        path = ("kpis", name)
        if not name.startswith(own_kpi.PREFIX) and name not in computed:
            yield _unknown_kpi(name, path, document, computed, key=True)
            continue
        yield from own_kpi.check(name, kpi, path, document)
        for index, machine in enumerate(kpi.types):
            if machine not in profile.types:
                what = _("the profile has no type {type}").format(type=machine)
                next_ = instead(machine, profile.types)
                yield document.fault((*path, "types", index), "unknown-type", what, next_)
        told = kpi.types or any(name in machine.kpis for machine in profile.types.values())
        if name.startswith(own_kpi.PREFIX) and not told:
            what = _("no type tells this figure")
            next_ = _("write types: with those that tell it, e.g. types: [{type}]").format(
                type=next(reversed(profile.types))
            )
            yield document.fault(path, "untold", what, next_, key=True)


def _unknown_kpi(
    name: str,
    at: tuple[str | int, ...],
    document: Document,
    known: Iterable[str],
    *,
    key: bool = False,
) -> Fault:
    """A figure that the gateway doesn't compute, or that the profile doesn't describe."""
    if name in KNOWN_KPIS and name not in BASE:
        what = _("{name} is not described in this profile").format(name=name)
        return document.fault(at, "unknown-kpi", what, _("add it to kpis: with name and unit"))
    what = _("{name} is no figure that the gateway computes").format(name=name)
    return document.fault(at, "unknown-kpi", what, instead(name, known), key=key)


def check_added(merged: Profile, profile: Profile, document: Document) -> Iterator[Fault]:
    """What extensions add is X, and never what figures of N are computed from."""
    for name, machine in merged.types.items():
        for signal, spec in machine.signals.items():
            if signal in profile.types[name].signals:
                continue
            path = ("types", name, "signals", signal)
            if signal in SIGNALS:
                what = _("figures would be computed from it, and the profile has no such signal")
                next_ = _("give it another name")
                yield document.fault(path, "not-open", what, next_, key=True)
            if spec.layer != "X":
                what = _("N is the same for every factory and can't be added to")
                yield document.fault((*path, "layer"), "not-open", what, _("write layer: X"))
    for kpi in merged.kpis.keys() - profile.kpis.keys():
        if not kpi.startswith(own_kpi.PREFIX):
            what = _("what the gateway computes is the same for every factory")
            next_ = _("add a figure of your own, whose name begins with x_")
            yield document.fault(("kpis", kpi), "not-open", what, next_, key=True)
    had = {path for path, *_rest in reasons.walk(profile.reasons)}
    for at, _key, reason, _loss in reasons.walk(merged.reasons):
        if at not in had and reason.loss is not None:
            what = _("the reason above says which loss this belongs to, the same for every factory")
            yield document.fault((*at, "loss"), "not-open", what, _("delete loss"), key=True)
