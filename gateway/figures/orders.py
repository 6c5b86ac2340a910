"""The orders of one asset, each from its start to its end, also where that takes weeks.

An order begins with the entry that names it and ends with the next one that names another, or
none. The log is held for a day; so of an order that is older than the log, what lies before is
summed up each time some of the log is forgotten, and the sum itself is an entry of the log
(`carried`): a restart goes on with it. What is summed up holds by the settings of its time, and
amounts of energy in it are rounded to 10^-15 of their unit.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import orjson

from gateway.figures.counter import Growth
from gateway.figures.journal import ORDER
from gateway.figures.oee import Sums
from gateway.figures.pieces import NOTHING, Setting
from gateway.figures.timeline import Times
from gateway.figures.track import moved
from gateway.figures.usage import Used
from gateway.figures.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from gateway.figures.journal import Journal

CARRIED = "carried"
"""Signal of the log for what is carried."""
RUNNING = 1 << 62
"""End of an order that isn't over."""
_FINE = 10**15


@dataclass(frozen=True, slots=True)
class Carried:
    """What an order adds up to before the log.

    Attributes:
        start: of the order, UTC ms; `order`, its name.
        upto: from here on the log tells.
        products: that were made meanwhile.
        ahead: left minus right good halves when the order began, where pairs are counted.
        sums: of states and counters.
        used: by medium's name.
    """

    start: int
    order: str
    upto: int
    products: frozenset[str] = frozenset()
    ahead: Fraction = NOTHING
    sums: Sums = field(default_factory=Sums)
    used: Mapping[str, Used] = field(default_factory=dict)


class Orders:
    """The orders that the log tells of.

    Args:
        journal: the asset's log.

    Attributes:
        carried: of the order that is older than the log; None where none is.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.carried: Carried | None = None

    def windows(self, start: int, end: int) -> list[Window]:
        """The orders that share time with [start, end), in order; one that runs ends far off."""
        return [w for w in self._all() if w.start < end and w.end > start]

    def next_end(self, after: int) -> int | None:
        """When the next order that has ended did, after a moment; None where none has."""
        return next((w.end for w in self._all() if after < w.end < RUNNING), None)

    def current(self, window: Window) -> Window:
        """An order as the log has it now; of no length, where it was none after all."""
        now = next((w for w in self._all() if w.subject == window.subject), None)
        return now or dataclasses.replace(window, end=window.start)

    def before(self, window: Window) -> Carried | None:
        """What a window adds up to before the log, where it is an order that is older."""
        carried = self.carried
        is_it = carried is not None and window.kind == ORDER and window.start == carried.start
        return carried if is_it else None

    def older(self, front: int) -> Window | None:
        """The order that began before a moment, and was going on then."""
        found = self.windows(front, front + 1)
        return found[0] if found and found[0].start < front else None

    def products(self, start: int, end: int) -> set[str]:
        """The products in force in a stretch of time."""
        told = self._journal.product.stretches(start, end)
        return {product for _start, _end, product in told if product}

    def carry(self, made: Carried) -> str:
        """Keep what an order adds up to before the log; as the log has it."""
        text = _spelled(made)
        self.recall(text)
        return text

    def recall(self, text: str) -> None:
        """Take up what was carried; what another version of this program wrote is passed over."""
        try:
            self.carried = _read(orjson.loads(text))
        except (ValueError, TypeError, KeyError):
            self.carried = None

    def move(self, since: int, delta: int) -> None:
        """Follow the journal, whose entries from a time on are shifted."""
        if self.carried is not None:
            start, upto = (
                moved(t_ms, since, delta) for t_ms in (self.carried.start, self.carried.upto)
            )
            self.carried = dataclasses.replace(self.carried, start=start, upto=upto)

    def cut(self, moment: int) -> None:
        """Forget what is later than a moment."""
        if self.carried is not None and self.carried.upto > moment:
            self.carried = None

    def _all(self) -> Iterator[Window]:
        """Every order, with its product where it had one throughout."""
        times, names = self._journal.order.times, self._journal.order.values
        carried = self.carried
        place = 0
        while place < len(times):
            following = place + 1
            while following < len(times) and names[following] == names[place]:
                following += 1  # said again
            start, order = times[place], names[place]
            end = times[following] if following < len(times) else RUNNING
            products: set[str] = set()
            if carried is not None and order == carried.order and start <= carried.upto < end:
                start, products = carried.start, set(carried.products)
            if order:
                products |= self.products(start, end)
                product = products.pop() if len(products) == 1 else ""
                yield Window(ORDER, start, end, product=product, order=order)
            place = following


def _spelled(carried: Carried) -> str:
    sums = carried.sums
    counts = [
        [list(setting), {signal: dataclasses.astuple(one) for signal, one in grown.items()}]
        for setting, grown in sums.counts.items()
    ]
    used = {
        name: [
            _text(one.use),
            None if one.first is None else _text(one.first),
            None if one.last is None else _text(one.last),
            one.spanned_ms,
            one.known_ms,
            one.estimated,
            [[*key, _text(amount)] for key, amount in one.sums.items()],
            {top: _text(amount) for top, amount in one.tops.items()},
        ]
        for name, one in carried.used.items()
    }
    return orjson.dumps(
        [
            carried.start,
            carried.order,
            carried.upto,
            sorted(carried.products),
            str(carried.ahead),
            dataclasses.astuple(sums.times),
            counts,
            used,
        ]
    ).decode()


def _read(data: Any) -> Carried:  # noqa: ANN401 - as `_spelled` wrote it
    start, order, upto, products, ahead, times, counts, used = data
    sums = Sums(
        Times(*times),
        {
            Setting(*map(_hashable, setting)): {
                signal: Growth(*one) for signal, one in grown.items()
            }
            for setting, grown in counts
        },
    )
    return Carried(
        start, order, upto, frozenset(products), Fraction(ahead), sums,
        {name: _used(*one) for name, one in used.items()},
    )  # fmt: skip


def _hashable(part: Any) -> Any:  # noqa: ANN401 - of a setting
    return tuple(part) if isinstance(part, list) else part


def _used(use: str, first: str | None, last: str | None, *rest: Any) -> Used:  # noqa: ANN401
    spanned_ms, known_ms, estimated, sums, tops = rest
    return Used(
        Fraction(use),
        None if first is None else Fraction(first),
        None if last is None else Fraction(last),
        spanned_ms,
        known_ms,
        estimated,
        {(kind, name): Fraction(amount) for kind, name, amount in sums},
        {name: Fraction(amount) for name, amount in tops.items()},
    )


def _text(amount: Fraction) -> str:
    """Exact where that is short: sums of weeks would grow to thousands of digits."""
    return str(Fraction(round(amount * _FINE), _FINE))
