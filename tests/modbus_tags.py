"""Tags of a Modbus device called `machine`, made the way a site file makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus import plugin
from gateway.model import Kind, Order, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def make(
    name: str,
    at: str,
    kind: Kind = Kind.U16,
    order: Order = Order.ABCD,
    *,
    length: int = 1,
    bits: tuple[int, int] | None = None,
    scale: float = 1,
    offset: float = 0,
    missing: tuple[float, ...] = (),
    areas: Sequence[Mapping[str, object]] = (),
) -> Tag:
    found = plugin.address(at, areas)
    return Tag(
        device="machine",
        name=name,
        kind=found.kind if found.kind is Kind.BIT else kind,
        at=at,
        register=found.register,
        order=order,
        length=length,
        bits=bits,
        scale=scale,
        offset=offset,
        missing=missing,
        file="site.yaml",
        line=14,
    )
