"""Test benches: which serial number was tested when, as it was and as polls could see it.

A serial number is one piece, at its first test; whether it is good says its last one. A test more
takes a cycle and makes no piece. Polls see a test where a result stands that wasn't there before,
or beside another serial number; what was tested and taken off between two polls they never see. A
test that is read in unknown time is unplaced.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from simulators.week.story import UNKNOWN, Piece, Stretch, Worth, is_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.week.life import Life
    from simulators.week.machines import Machine
    from simulators.week.polling import Sight


class _Test(NamedTuple):
    t: int
    placed: bool
    serial: str
    product: str
    passed: bool


def seen_pieces(
    machine: Machine, life: Life, sight: Sight, stretches: Sequence[Stretch]
) -> list[Piece]:
    """The pieces of a bench that polls could see."""
    dark = [s for s in stretches if s.word == UNKNOWN]
    moments = sorted({r.t for name in ("serial", "result") for r in sight[name]})
    found: list[_Test] = []
    before = "", ""
    for t in moments:
        shown = str(life.level("serial", t)), str(life.level("result", t))
        if shown[1] and shown != before:
            found.append(_test(life, t, *shown, placed=not is_in(dark, t)))
        before = shown
    return list(_pieces(machine, found))


def real_pieces(machine: Machine, life: Life, dark: Sequence[Stretch]) -> list[Piece]:
    """The pieces of a bench as they were."""
    found: list[_Test] = []
    for t, result in life.levels["result"]:
        if result:
            serial = str(life.level("serial", t))
            found.append(_test(life, t, serial, str(result), placed=not is_in(dark, t)))
    return list(_pieces(machine, found))


def _test(life: Life, t: int, serial: str, result: str, *, placed: bool) -> _Test:
    product = str(life.level("product", t)) if "product" in life.levels else ""
    return _Test(t, placed, serial, product, result == "ok")


def _pieces(machine: Machine, tests: Sequence[_Test]) -> Iterator[Piece]:
    last = {test.serial: test.passed for test in tests}
    known: set[str] = set()
    worths: dict[tuple[object, ...], Worth] = {}
    for test in tests:
        is_first = test.serial not in known
        known.add(test.serial)
        key = test.product, is_first, last[test.serial], test.passed
        if key not in worths:
            worths[key] = _worth(machine, *key)
        yield Piece(test.t, test.placed, worths[key])


def _worth(machine: Machine, product: str, is_first: bool, good: bool, at_once: bool) -> Worth:  # noqa: FBT001 - the four keys of a sort of test
    cycle = machine.cycle_ms(product)
    if not is_first:
        return Worth(product, cycle=cycle)
    return Worth(
        product,
        total=Fraction(1),
        good=Fraction(good),
        first=Fraction(at_once),
        cycle=cycle,
        ideal=cycle,
        ideal_good=cycle * good,
    )
