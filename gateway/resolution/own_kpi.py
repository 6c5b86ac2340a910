"""A firm's own figures: names that begin with x_, computed from the figures of a record.

An oee record has times, counts, ratios and KPIs; an energy record of electricity has what was
used, the good pieces of the same window and the KPIs of energy. A figure takes from one of them.
"""

from collections.abc import Iterator, Mapping

from gateway.deriving.expression import Expression
from gateway.errors import Fault
from gateway.kpi import OwnKpi
from gateway.resolution import formula
from gateway.resolution.energy_terms import ENERGY_KPIS
from gateway.resolution.profile import KNOWN_KPIS, Kpi
from gateway.sitefile.document import Document
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _

PREFIX = "x_"

OEE: dict[str, tuple[str, ...]] = {
    **{f"time_s.{name}": ("state",) for name in ("planned", "run", "setup", "delay", "idle")},
    **{f"time_s.{name}": ("state",) for name in ("unknown", "planned_stop")},
    **{f"count.{name}": ("count",) for name in ("total", "unplaced")},
    **{f"count.{name}": ("count", "quality") for name in ("good", "scrap")},
    "coverage": (),
    "ideal_cycle_s": ("ideal",),
    **{name: needs for name, needs in KNOWN_KPIS.items() if name not in ENERGY_KPIS},
}
"""What an oee record tells → what it can't do without."""

ENERGY: dict[str, tuple[str, ...]] = {
    "use": ("energy",),
    "max_kw": ("energy",),
    "good": ("count", "quality"),
    "coverage": (),
    **ENERGY_KPIS,
}
"""What an energy record tells → what it can't do without."""

RECORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"oee": OEE, "energy": ENERGY}


def own_kpis(kpis: Mapping[str, Kpi]) -> dict[str, OwnKpi]:
    """Give the own figures of a sound profile, each with the record that it belongs to."""
    return {
        name: OwnKpi(_record(kpi.computed), kpi.computed)
        for name, kpi in kpis.items()
        if kpi.computed is not None
    }


def needs(name: str, kpis: Mapping[str, Kpi]) -> set[str]:
    """Say what a figure can't do without: state, count, quality, ideal, energy, a medium."""
    computed = kpis[name].computed if name in kpis else None
    if computed is None:
        return set(KNOWN_KPIS[name])
    known = RECORDS[_record(computed)]
    return {need for used in Expression(computed).names for need in known[used]}


def check(name: str, kpi: Kpi, path: KeyPath, document: Document) -> Iterator[Fault]:
    """What an own figure must be: X, computed, and from what one record tells."""
    if not name.startswith(PREFIX):
        if kpi.computed is not None:
            what = _("the gateway itself says what {name} is").format(name=name)
            next_ = _("delete is:, or give the figure a name of your own that begins with x_")
            yield document.fault((*path, "is"), "not-open", what, next_)
        return
    if kpi.layer != "X":
        what = _("a figure of one's own is no N, which is the same for every factory")
        yield document.fault((*path, "layer"), "not-open", what, _("write layer: X"))
    if kpi.computed is None:
        what = _("it is not said what this figure is")
        next_ = _('write e.g. is: "use / good"')
        yield document.fault(path, "missing-key", what, next_, key=True)
        return
    own = _record(kpi.computed)
    other = {name for record in RECORDS if record != own for name in RECORDS[record]}
    yield from formula.unknown(kpi.computed, RECORDS[own], (*path, "is"), document, other)


def _record(computed: str) -> str:
    """The record that knows most of the names in an expression."""
    names = Expression(computed).names
    return max(RECORDS, key=lambda record: sum(name in RECORDS[record] for name in names))
