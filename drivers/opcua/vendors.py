"""What makers' servers take beyond, or less than, what they say of themselves.

A server's own words for its limits come first (`server.py`); a maker's row here can only lower
them. Sources: Siemens Industry Online Support, entry 109755846 (system limits of OPC UA in TIA
Portal, 02/2024); how S7 servers slow down with large calls is told in the forum of Prosys' SDK
("how to subscribe over 1500 nodes from Siemens S7"); that they read registered nodes much faster
than nodes with text for an id, in SIMATIC Communication, Function Manual, 12/2017,
A5E03735815-AF, page 143.
"""

from __future__ import annotations

from typing import NamedTuple


class Vendor(NamedTuple):
    """One maker's servers, known by what they say of their build.

    Attributes:
        maker, product: must stand in its ManufacturerName and ProductName, in any case.
        monitor: monitored items to create in one call.
        filters: whether it takes a deadband; None: try.
        registers: whether nodes that are read again and again are to be registered first.
    """

    maker: str
    product: str
    monitor: int
    filters: bool | None = None
    registers: bool = False


VENDORS = (
    Vendor("siemens", "1200", 100, filters=False, registers=True),
    Vendor("siemens", "1500", 500, registers=True),
    Vendor("prosys", "", 800),
)
UNKNOWN = Vendor("", "", 1000)


def vendor(maker: str, product: str) -> Vendor:
    """The row of a server, by what it says of its build."""
    maker, product = maker.lower(), product.lower()
    for row in VENDORS:
        if row.maker in maker and row.product in product:
            return row
    return UNKNOWN
