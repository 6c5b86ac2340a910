"""The DL/T 645 meter that the contract suite talks to, behind a serial server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from drivers.dlt645 import plugin
from simulators.dlt645 import Meter, Party
from simulators.place import Place
from simulators.server import Link
from tests.dlt645_kit import ADDRESS, GARBLINGS, make, three_phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.errors import DriverError
    from gateway.model import Value


class Dlt645Rig:
    """Two blocks and single items, so five requests a poll."""

    plugin = plugin
    options: Mapping[str, object] = {"address": ADDRESS}
    tags = (
        make("00010000", "energy"),
        make("02010100", "voltage_l1"),
        make("02010200", "voltage_l2"),
        make("02020100", "current", scale=40),
        make("02030000", "power", offset=0.5),
        make("04000102", "clock"),
    )
    bad_tag = make("02800003", "nowhere")

    def __init__(self) -> None:
        self._meter = Meter(ADDRESS, three_phase(), delay_s=0.0)
        place = Place.of("dlt645+tcp://127.0.0.1:0")
        self._server = Link(place, {}, meters=Party([self._meter]))
        self._round = 0
        self.url = ""

    async def start(self) -> None:
        await self._server.open()
        self.url = f"{self._server.place}?max_delay=150ms"

    async def stop(self) -> None:
        await self._server.close()

    def hang_up(self) -> None:
        for peer in tuple(self._server.peers):
            peer.reset()

    def change(self) -> tuple[Value, ...]:
        self._round += 1
        n = self._round
        held = three_phase(n)
        held[0x04000102] = bytes.fromhex(f"1405{n % 60:02d}")[::-1]
        self._meter.holds = held
        current = round(1.234 + n, 3) * 40
        return (
            round(123456.78 + n, 2),
            round(230.1 + n / 10, 1),
            231.2,
            round(current, 2),
            round(-1.2345 - n + 0.5, 4),
            f"14:05:{n % 60:02d}",
        )

    def silence(self) -> None:
        self._meter.is_silent = True

    def speak(self) -> None:
        self._meter.is_silent = False
        self._meter.refusal = 0
        self._meter.spoil = bytes

    def hold_back(self) -> None:
        def keep(held: bytes) -> bytes:
            def release(following: bytes) -> bytes:
                self._meter.spoil = bytes
                return held + following

            self._meter.spoil = release
            return b""

        self._meter.spoil = keep

    def refuse(self, code: int) -> None:
        self._meter.refusal = code

    @property
    def refusals(self) -> Mapping[int, type[DriverError] | None]:
        return dict.fromkeys((1, 2, 4, 0x41))

    @property
    def garblings(self) -> Mapping[str, Callable[[], None]]:
        """One of each sort: the rest is tried in virtual time, where a time-out takes none."""
        some = ("address", "identifier", "checksum")
        return {name: partial(self._garble, GARBLINGS[name]) for name in some}

    def _garble(self, spoil: Callable[[bytes], bytes]) -> None:
        self._meter.spoil = spoil
