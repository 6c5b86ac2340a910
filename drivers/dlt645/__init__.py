"""Electricity meters that speak DL/T 645-2007. The README beside this file gives the order."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivers.dlt645.driver import Asks
    from drivers.lines.tapped import Asks as Tappable
    from gateway.clock import Clock
    from gateway.driver import Address, Driver, Exchange, Link, Plugin
    from gateway.model import Device, Tag


class Dlt645Plugin:
    """What the entry points `dlt645` and `dlt645+tcp` name; it imports what is asked for."""

    def check_link(self, url: str) -> None:
        """Raise `AddressError` when the URL is none of a line with meters."""
        from drivers.dlt645.config import line  # noqa: PLC0415

        line(url)

    def address(self, at: str, areas: Sequence[Mapping[str, object]]) -> Address:
        """Read a data identifier; meters have no areas."""
        from drivers.dlt645.address import parse  # noqa: PLC0415

        del areas
        return parse(at)

    def check_tag(self, tag: Tag, options: Mapping[str, object]) -> None:
        """Raise `AddressError` where a tag says otherwise than its identifier."""
        from drivers.dlt645.check import check_tag  # noqa: PLC0415

        check_tag(tag, options)

    def link(self, url: str, clock: Clock) -> Link:
        """Make the link for a URL; nothing is opened yet."""
        from drivers.dlt645.config import line  # noqa: PLC0415
        from drivers.dlt645.frames import Dlt645  # noqa: PLC0415
        from drivers.lines.link import LineLink  # noqa: PLC0415

        return LineLink(line(url), Dlt645(), clock)

    async def discover(
        self,
        url: str,
        clock: Clock,
        told: Callable[[str], None],
        met: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Find the meters on a line; each is handed over as a site file writes it."""
        from drivers.dlt645.config import line  # noqa: PLC0415
        from drivers.dlt645.discovery import Discovery  # noqa: PLC0415

        await Discovery(line(url), clock, told, met).run()

    def variants(self, url: str, bauds: Sequence[int], parities: Sequence[str]) -> tuple[str, ...]:
        """The URL of a port with each speed and parity; raises `AddressError` for others."""
        from drivers.lines.url import variants  # noqa: PLC0415

        made = variants(url, bauds, parities)
        for one in made:
            self.check_link(one)
        return made

    def driver(self, link: Link, device: Device, clock: Clock) -> Driver:
        """Make the driver of one meter on a link made by this plugin."""
        from drivers.dlt645.driver import Dlt645Driver  # noqa: PLC0415

        if not hasattr(link, "ask"):
            raise TypeError(f"not a link of this driver: {link!r}")
        return Dlt645Driver(cast("Asks", link), device, clock)

    def tap(self, link: Link, take: Callable[[Exchange], None], clock: Clock) -> Link:
        """Make a link that tells of each question and its answer."""
        from drivers.lines.tapped import Tapped  # noqa: PLC0415

        return cast("Link", Tapped(cast("Tappable", link), take, clock))


plugin: Plugin = Dlt645Plugin()
