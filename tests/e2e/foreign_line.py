"""Several devices on one serial line, served by pymodbus' server, which nobody here wrote."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pymodbus import ModbusDeviceIdentification
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.register_images import Image


@contextmanager
def devices_on(
    port: Path | int,
    images: Mapping[int, Image],
    names: Mapping[str, str] | None = None,
    baud: int = 115200,
    framer: FramerType = FramerType.RTU,
) -> Iterator[None]:
    """Serve images by unit id: on a serial port, or on a TCP port."""
    blank = dict.fromkeys(("VendorName", "ProductCode", "MajorMinorRevision"), "")
    identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
        info_name={**blank, **(names or {})}
    )
    devices = [_device(unit, image) for unit, image in images.items()]
    begun = threading.Event()

    def only_own(is_sent: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus' signature
        """Of units that aren't there nothing is heard; pymodbus answers for them."""
        return data if not is_sent or data[0] in images or framer is FramerType.ASCII else b""

    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    ended = threading.Event()

    async def run() -> None:
        server: ModbusSerialServer | ModbusTcpServer
        if isinstance(port, int):
            server = ModbusTcpServer(devices, identity=identity, address=("127.0.0.1", port))
        else:
            server = ModbusSerialServer(
                devices,
                identity=identity,
                framer=framer,
                port=str(port),
                baudrate=baud,
                trace_packet=only_own,
            )
        serving = asyncio.get_running_loop().create_task(server.serve_forever())
        await asyncio.sleep(0.2)
        begun.set()
        await asyncio.to_thread(ended.wait)
        await server.shutdown()  # type: ignore[no-untyped-call]
        await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert begun.wait(10)
        yield
    finally:
        ended.set()
        thread.join()


def _device(unit: int, image: Image) -> SimDevice:
    coils, discretes, holdings, inputs = (
        _block(image.tables[table], DataType.BITS if is_bits else DataType.REGISTERS)
        for table, is_bits in TABLES
    )
    return SimDevice(unit, (coils, discretes, holdings, inputs))


TABLES = (("coil", True), ("discrete", True), ("holding", False), ("input", False))


def _block(held: Mapping[int, int], kind: DataType) -> list[SimData]:
    """Runs of addresses that exist; a table without any has one at the end, out of the way."""
    made: list[SimData] = []
    run: list[int] = []
    for address in sorted(held):
        if run and address != run[-1] + 1:
            made.append(_run(held, run, kind))
            run = []
        run.append(address)
    return [*made, _run(held, run, kind)] if run else [SimData(65520, values=0, datatype=kind)]


def _run(held: Mapping[int, int], addresses: list[int], kind: DataType) -> SimData:
    values = [bool(held[at]) if kind is DataType.BITS else held[at] for at in addresses]
    return SimData(addresses[0], values=values, datatype=kind)
