"""Whether what a tag says can be had from a server; said before anything is asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from drivers.opcua.node import place_of
from drivers.opcua.settings import Reading
from gateway.driver import AddressError
from gateway.model import Kind, Order
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Tag

_NOT_NUMBERS = {Kind.BIT, Kind.STRING}
_LEAST_SCALE, _MOST_SCALE = 1e-12, 1e12


def check_tag(tag: Tag, options: Mapping[str, object]) -> None:
    """Check one tag.

    Raises:
        AddressError: the first thing that is wrong, and what to do.
    """
    Reading.of(options)
    if tag.kind is Kind.BCD:
        what = _("OPC UA has no BCD")
        raise AddressError("bad-kind", what, _("write the kind of number: u16, i32, f64 …"))
    if (tag.kind is Kind.BITFIELD) != (tag.bits is not None):
        raise AddressError(
            "bad-bits",
            _("`bits` and `kind: {kind}` don't go together").format(kind=tag.kind),
            _("write `kind: bitfield` with `bits: 0-3`, or leave bits out"),
        )
    if tag.length != 1 or tag.order is not Order.ABCD:
        raise AddressError(
            "bad-length",
            _("a server tells by itself how long a value is and in which order it comes"),
            _("leave out length and order"),
        )
    if tag.kind in _NOT_NUMBERS and (tag.scale != 1 or tag.offset or tag.missing):
        raise AddressError(
            "bad-scale",
            _("{kind} is no number to scale").format(kind=tag.kind),
            _("leave out `scale`, `offset` and `missing`"),
        )
    if not _LEAST_SCALE <= abs(tag.scale) <= _MOST_SCALE or not abs(tag.offset) <= _MOST_SCALE:
        raise AddressError(
            "bad-scale",
            _("`scale: {scale}` is out of reason").format(scale=tag.scale),
            _("give one between 1e-12 and 1e12"),
        )
    if not all(map(math.isfinite, tag.missing)):
        raise AddressError(
            "bad-scale",
            _("`missing` names what is no number"),
            _("leave it out: NaN is bad without being named"),
        )
    _check_write(tag)


def _check_write(tag: Tag) -> None:
    write = tag.write
    if write is None:
        return
    if tag.bits is not None or place_of(tag).part:
        raise AddressError(
            "read-only",
            _("a part of a value can't be written without the rest of it"),
            _("delete `write`, or give a node of its own to write"),
        )
    if tag.kind in _NOT_NUMBERS:
        return
    if write.min is None or write.max is None:
        raise AddressError(
            "no-range",
            _("`write` without a range allows anything that the node can hold"),
            _("give both: write: {{min: 0, max: 200, every: 5s}}").format(),
        )
