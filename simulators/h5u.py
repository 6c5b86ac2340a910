"""The memory of an Inovance H5U, as far as the machines here use it.

Source: the area table of the H5U/Easy family in profiles/devices/inovance/h5u.yaml: D from holding
register 0, R from 0x3000, M from coil 0. It answers reads of these and refuses the rest.
"""

from __future__ import annotations

from simulators.memory import Area, Table

D = Area(Table.HOLDING, 0, 8000)
R = Area(Table.HOLDING, 0x3000, 32768)
M = Area(Table.COIL, 0, 8000)


def areas(writable: range = range(0)) -> tuple[Area, ...]:
    """Return the PLC's areas; a client may write the D registers named and nothing else."""
    return Area(D.table, D.first, D.count, writable), R, M
