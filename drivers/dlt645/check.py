"""Whether what a tag says goes together with what its identifier holds; said before any poll."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from drivers.dlt645.address import parse
from drivers.dlt645.config import Settings
from gateway.driver import AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Tag

_LEAST_SCALE, _MOST_SCALE = 1e-12, 1e12


def check_tag(tag: Tag, options: Mapping[str, object]) -> None:
    """Check one tag against its identifier and its meter.

    Raises:
        AddressError: the first thing that is wrong, and what to do.
    """
    Settings.of(options)
    address = parse(tag.at)
    if tag.kind is not address.kind or tag.bits is not None:
        raise AddressError(
            "bad-kind",
            _("`{at}` tells by itself what it holds").format(at=tag.at),
            _("leave out kind and bits"),
        )
    if tag.length != (address.length or 1):
        raise AddressError(
            "bad-length",
            _("`{at}` tells by itself how long it is").format(at=tag.at),
            _("leave out length"),
        )
    if tag.kind is Kind.STRING and (tag.scale != 1 or tag.offset or tag.missing):
        raise AddressError(
            "bad-scale",
            _("`{at}` is no number to scale").format(at=tag.at),
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
            _("leave it out: digits above 9 are bad without being named"),
        )
    if tag.write is not None:
        raise AddressError(
            "read-only",
            _("meters are read, and not written to"),
            _("leave out `write`"),
        )
