"""What people and platforms say of an asset, beside what its device says: entries of its log.

    product, order      in force until another one is said; "" ends them
    planned_stop        true until false: planned down time, whatever the machine says meanwhile
    reason              of the stop in which it is said
    reject, good        pieces, added to what was entered before

A machine may say the first four by itself, as signals that are bound (`product`, `order`,
`planned_stop`, `reason`): what a reading says holds until another one says something else; 0 or an
empty text says nothing.

Pieces that are entered count in the window of their time, where nothing counts good or rejected
ones: rejects are taken from what the machine counts, good ones are the good ones of it, and where
it counts nothing both together are the total. Where both are entered beside a counter, the rejects
say it. A window without an entry has no Q, since nobody said that all were good; one with an entry,
of 0 too, says `basis.quality: entered`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import NotEntered
from gateway.figures.counting import takes_entered
from gateway.figures.journal import ENTERED, ENTERED_GOOD, ORDER, PLANNED, PRODUCT, REASON
from gateway.model import Entry
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.figures.journal import Journal
    from gateway.kpi import KpiSpec
    from gateway.model import Value

SIGNALS = {
    "product": PRODUCT,
    "order": ORDER,
    "planned_stop": PLANNED,
    "reason": REASON,
    "reject": ENTERED,
    "good": ENTERED_GOOD,
}
"""What is said → the signal of its log entry."""


def entries_of(
    spec: KpiSpec, journal: Journal, front: int, t_ms: int, said: Mapping[str, Value]
) -> Iterator[Entry]:
    """What was said, as entries of the log, each to be put into it before the next is taken.

    Args:
        spec: of the asset.
        journal: its log.
        front: the log is forgotten before this.
        t_ms: UTC ms from which on it holds.
        said: by the contract's names.

    Raises:
        NotEntered: it is too old, or the machine tells it by itself.
    """
    _check(spec, said)
    if t_ms < front:
        raise NotEntered(_("it is older than the log is kept for figures, 26 h"))
    for name, value in said.items():
        signal, moment = SIGNALS[name], t_ms
        column = journal.amounts.get(signal)
        while column is not None and column.index(moment) != column.index(moment - 1):
            moment += 1  # of two for the same time both count
        yield Entry(moment, signal, value)


def _check(spec: KpiSpec, said: Mapping[str, Value]) -> None:
    """Refuse what the machine tells by itself.

    Raises:
        NotEntered: with what tells it.
    """
    if "product" in said and PRODUCT in spec.signals:
        raise NotEntered(_("the product is read from the machine"))
    if "order" in said and ORDER in spec.signals:
        raise NotEntered(_("the order is read from the machine"))
    if not {"good", "reject"} & said.keys():
        return
    judging = {"good", "reject", "reject_left", "reject_right"}
    judged = {*spec.signals} & ({"result"} if spec.counting == "tests" else judging)
    if judged:
        text = _("the machine counts {signal} by itself")
        raise NotEntered(text.format(signal=", ".join(sorted(judged))))
    if not takes_entered(spec):
        raise NotEntered(_("pieces are not counted for it"))
    if "good" in said and spec.counting == "pairs":
        text = _("good pairs follow from the counters of left and right: enter the rejected ones")
        raise NotEntered(text)
