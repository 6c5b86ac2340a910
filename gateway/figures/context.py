"""What people and platforms say of an asset, beside what its device says: entries of its log.

    product, order      in force until another one is said; "" ends them
    planned_stop        true until false: planned down time, whatever the machine says meanwhile
    reason              of the stop in which it is said
    reject, good        pieces, added to what was entered before

A machine may say the first four by itself, as signals that are bound (`product`, `order`,
`planned_stop`, `reason`): what a reading says holds until another one says something else; 0 or an
empty text says nothing.

Rejects that are entered make Q and OEE of a window in which at least one entry lies, 0 included,
where the machine counts its pieces and nothing counts its rejects; the window's `basis.quality`
then says `entered`. A window without an entry has no Q, since nobody said that all were good. Good
pieces, and rejects of pairs, are kept in the log and no figure uses them yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.journal import ENTERED, ORDER, PLANNED, PRODUCT, REASON
from gateway.model import Entry
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.figures.journal import Journal
    from gateway.model import KpiSpec, Value

GOOD = "good_entered"
SIGNALS = {
    "product": PRODUCT,
    "order": ORDER,
    "planned_stop": PLANNED,
    "reason": REASON,
    "reject": ENTERED,
    "good": GOOD,
}
"""What is said → the signal of its log entry."""


class NotEntered(ValueError):  # noqa: N818 - reads as one
    """Something that can't be entered, in words."""


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
    judged = {"good", "reject", "reject_left", "reject_right"} & set(spec.signals)
    if judged and {"good", "reject"} & said.keys():
        text = _("the machine counts {signal} by itself")
        raise NotEntered(text.format(signal=", ".join(sorted(judged))))


def unused(spec: KpiSpec, said: Mapping[str, Value]) -> list[str]:
    """What is kept and changes no figure as yet."""
    kept = [name for name in ("good",) if name in said]
    if "reject" in said and not takes_rejects(spec):
        kept.append("reject")
    return kept


def takes_rejects(spec: KpiSpec) -> bool:
    """Whether rejects that are entered make a quality ratio."""
    signals = set(spec.signals)
    return (
        spec.counting in {"direct", "stations"}
        and "count" in signals
        and not {"good", "reject"} & signals
    )
