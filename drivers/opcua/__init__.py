"""OPC UA over its binary protocol. The README beside this file gives the reading order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.clock import Clock
    from gateway.driver import Address, Driver, Link, Plugin
    from gateway.model import Device, Tag
    from gateway.tree import Browser


class OpcUa:
    """What the entry point `opc.tcp` names; it imports what is asked for."""

    def check_link(self, url: str) -> None:
        """Raise `AddressError` when the URL is none of a server."""
        from drivers.opcua.settings import Settings  # noqa: PLC0415

        Settings.of(url)

    def address(self, at: str, areas: Sequence[Mapping[str, object]]) -> Address:
        """Read a node id or a browse path; servers have no areas."""
        from drivers.opcua.address import parse  # noqa: PLC0415

        del areas
        return parse(at)

    def check_tag(self, tag: Tag, options: Mapping[str, object]) -> None:
        """Raise `AddressError` where a tag says what no server can give."""
        from drivers.opcua.check import check_tag  # noqa: PLC0415

        check_tag(tag, options)

    def link(self, url: str, clock: Clock) -> Link:
        """Make the link for a URL; nothing is opened yet."""
        from drivers.opcua.link import UaLink  # noqa: PLC0415

        return UaLink(url, clock)

    def driver(self, link: Link, device: Device, clock: Clock) -> Driver:
        """Make the driver of one device on a link made by this plugin."""
        from drivers.opcua.driver import UaDriver  # noqa: PLC0415
        from drivers.opcua.link import UaLink  # noqa: PLC0415

        if not isinstance(link, UaLink):
            raise TypeError(f"not a link of this driver: {link!r}")
        return UaDriver(link, device, clock)

    def browser(self, link: Link, timeout_s: float) -> Browser:
        """Make what looks at the server of a link made by this plugin."""
        from drivers.opcua.browse import UaBrowser  # noqa: PLC0415
        from drivers.opcua.link import UaLink  # noqa: PLC0415

        if not isinstance(link, UaLink):
            raise TypeError(f"not a link of this driver: {link!r}")
        return UaBrowser(link, timeout_s)


plugin: Plugin = OpcUa()
