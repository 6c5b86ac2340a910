"""A meter by PyPI's dlt645, a program of its own: it logs into its package and starts threads.

python -m tests.e2e.dlt645_server tcp 0 | rtu /dev/…     prints the port once it listens
"""

from __future__ import annotations

import sys
import time
from datetime import datetime

from dlt645 import MeterServerService
from dlt645.model.types.dlt645_type import Demand

ADDRESS = "202411110002"
ENERGY = {0x00010000: 123456.78, 0x00010100: 1.25, 0x00010200: 99999.99, 0x00000000: -12.34}
MEASURED = {
    0x02010100: 230.1,
    0x02010200: 231.2,
    0x02010300: 229.9,
    0x02020100: 1.234,
    0x02020200: -0.567,
    0x02030000: -1.2345,
    0x02060000: -0.987,
    0x02800002: 49.98,
    0x02800007: -12.5,
}
DEMAND = 0x01010000
PEAK, PEAK_AT = 3.4567, "2026-11-25 14:05"


def main(way: str, where: str) -> None:
    """Serve until killed."""
    if way == "tcp":
        meter = MeterServerService.new_tcp_server("127.0.0.1", int(where), 3000)
    else:
        meter = MeterServerService.new_rtu_server(where, 8, 1, 9600, "N", 0.05)
    meter.set_address(bytes.fromhex(ADDRESS)[::-1])  # a text it would send the wrong way round
    for di, value in ENERGY.items():
        assert meter.set_00(di, value)
    for di, value in MEASURED.items():
        assert meter.set_02(di, value)
    assert meter.set_01(DEMAND, Demand(PEAK, datetime.fromisoformat(PEAK_AT)))
    assert meter.start()
    port = meter.server.ln.getsockname()[1] if way == "tcp" else where
    print("serves", port, flush=True)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
