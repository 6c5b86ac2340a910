"""Modbus over TCP and serial lines. The README beside this file gives the reading order."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from drivers.modbus import config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivers.lines.tapped import Asks as Tappable
    from drivers.modbus.driver import Asks
    from gateway.clock import Clock
    from gateway.driver import Address, Driver, Exchange, Explorer, Link, Plugin
    from gateway.model import Device, Tag


class Modbus:
    """What the entry points `modbus+tcp`, `modbus+rtu` and so on name.

    It imports what is asked for: what reads a site file needs no pymodbus, what polls no grammar
    of addresses.
    """

    def check_link(self, url: str) -> None:
        """Raise `AddressError` when the URL is none of a Modbus link."""
        if config.is_connection(url):
            config.endpoint(url)
            config.certificates(url)
        else:
            from drivers.modbus.ports import line  # noqa: PLC0415

            line(url)

    def address(self, at: str, areas: Sequence[Mapping[str, object]]) -> Address:
        """Read an address; `areas` is the PLC's own grammar from its template, or empty."""
        from drivers.modbus.address import parse  # noqa: PLC0415

        return parse(at, areas)

    def run(self, text: str, areas: Sequence[Mapping[str, object]]) -> tuple[str, int, int]:
        """Read `D100-130`: table, first and last register; raises `AddressError`."""
        from drivers.modbus.runs import run  # noqa: PLC0415

        return run(text, areas)

    def spell(self, table: str, number: int, areas: Sequence[Mapping[str, object]]) -> str:
        """Spell a register as the PLC does."""
        from drivers.modbus.runs import spell  # noqa: PLC0415

        return spell(table, number, areas)

    def check_tag(self, tag: Tag, options: Mapping[str, object]) -> None:
        """Raise `AddressError` where kind, length, bits and address don't go together."""
        from drivers.modbus.check import check_tag  # noqa: PLC0415

        check_tag(tag, options)

    def link(self, url: str, clock: Clock) -> Link:
        """Make the link for a URL; nothing is opened yet."""
        if config.is_connection(url):
            from drivers.modbus.client import TcpLink  # noqa: PLC0415

            return TcpLink(url, clock)
        from drivers.lines.link import LineLink  # noqa: PLC0415
        from drivers.modbus.frames import Ascii, Rtu  # noqa: PLC0415
        from drivers.modbus.ports import line  # noqa: PLC0415

        framing = Ascii() if url.startswith("modbus+ascii:") else Rtu()
        return LineLink(line(url), framing, clock)

    def driver(self, link: Link, device: Device, clock: Clock) -> Driver:
        """Make the driver of one device on a link made by this plugin."""
        from drivers.modbus.driver import ModbusDriver  # noqa: PLC0415

        if not hasattr(link, "ask"):
            raise TypeError(f"not a link of this driver: {link!r}")
        return ModbusDriver(cast("Asks", link), device, clock)

    def tap(self, link: Link, take: Callable[[Exchange], None], clock: Clock) -> Link:
        """Make a link that tells of each question and its answer."""
        from drivers.lines.tapped import Tapped  # noqa: PLC0415

        return cast("Link", Tapped(cast("Tappable", link), take, clock))

    def explorer(self, link: Link) -> Explorer:
        """Make what asks units that no site file names."""
        from drivers.modbus.exploring import Explorer  # noqa: PLC0415

        return Explorer(cast("Asks", link))

    def variants(self, url: str, bauds: Sequence[int], parities: Sequence[str]) -> tuple[str, ...]:
        """The URL of a serial port with each speed and parity; raises `AddressError` for others."""
        from drivers.lines.url import variants  # noqa: PLC0415

        made = variants(url, bauds, parities)
        for one in made:
            self.check_link(one)
        return made


plugin: Plugin = Modbus()
