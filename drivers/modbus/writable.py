"""Whether a tag can be written at all; said before anything is polled, so without pymodbus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus.codec import width
from drivers.modbus.register import Function, register_of
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from drivers.modbus.config import Settings
    from gateway.model import Tag

SINGLE, MULTIPLE = "single", "multiple"


def why_not(tag: Tag, settings: Settings) -> str:
    """Say why a tag can't be written at all, or ""."""
    function = register_of(tag).function
    if function in {Function.DISCRETE, Function.INPUT}:
        return _("`{at}` is in a table that can only be read").format(at=tag.at)
    if settings.write == SINGLE and tag.kind is not Kind.BIT and width(tag) > 1:
        return _("this device takes one register at a time, and {kind} has {count}").format(
            kind=tag.kind, count=width(tag)
        )
    return ""
