"""Where the links of a site are served on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.sitefile.document import load as read_document
from gateway.sitefile.explain import Wrong
from gateway.templates import load
from simulators.place import SERVER, Place
from simulators.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.sitefile.document import Document

HOST, FIRST_PORT = "127.0.0.1", 15100
TLS, TLS_PORT = "modbus+tls", 802
DEAD = "127.0.0.1:9"
"""The discard service, which nobody runs: what stands here for a device that isn't served."""


@dataclass(frozen=True, slots=True)
class Local:
    """Where links are served on this machine.

    Attributes:
        document: the site file, where there is one.
        places: link → place, of links that simulators serve.
        links: every link of the site file → where it leads here; where nobody answers, if it is
            not served.
    """

    document: Document | None
    places: Mapping[str, Place]
    links: Mapping[str, str]


def local_links(
    site: Path | None, recorded: list[str], folder: Path, port_base: int | None
) -> Local:
    """Find a place for each link that was recorded.

    Args:
        site: the site file; None: its links are not wanted.
        recorded: links.
        folder: for the names of lines.
        port_base: first TCP port; None or 0: the first that are free.

    Raises:
        ConfigError: the site file has faults, or no simulator serves a link.
    """
    document = None
    links = {link: nobody(link, folder) for link in recorded}
    if site is not None:
        load(site)
        document = read_document(site)
        links |= {link: nobody(link, folder) for link in dict(links_of(document)).values()}
    found = places(recorded, folder, port_base)
    served = {link: place for link, place in found.items() if place is not None}
    return Local(document, served, links | {link: str(place) for link, place in served.items()})


def links_of(document: Document) -> Iterator[tuple[str, str]]:
    """Every device's link, also of those whose protocol comes with a later release."""
    devices = document.get(("devices",))
    for name, device in devices.items() if isinstance(devices, dict) else ():
        yield str(name), str(device["link"])


def places(links: Iterable[str], folder: Path, port_base: int | None) -> dict[str, Place | None]:
    """Where links of a site are served on this machine, each thing in one place.

    Args:
        links: as the site file writes them; two may be one line at two speeds.
        folder: for the names of lines.
        port_base: first TCP port; None or 0: the first that are free.

    Returns:
        Link → place; None where no simulator serves such a link.
    """
    there: dict[str, Place | None] = {}
    for link in links:
        try:
            made = Place.of(_plain(link))
            there[link] = None if made.scheme == SERVER else made
        except Wrong:
            there[link] = None
    lines = list(dict.fromkeys(p.key for p in there.values() if p and p.is_line))
    ports = list(dict.fromkeys(p.key for p in there.values() if p and not p.is_line))
    base = port_base or free_ports(HOST, FIRST_PORT, max(len(ports), 1)) or 0
    found: dict[str, Place | None] = dict.fromkeys(there)
    for link, place in there.items():
        if place is None:
            continue
        query = "&".join(part for part in place.query.split("&") if not part.startswith("rs485"))
        if place.is_line:
            path = str(folder / f"line-{lines.index(place.key) + 1}")
            found[link] = Place(place.scheme, path=path, query=query)
        else:
            found[link] = Place(place.scheme, HOST, base + ports.index(place.key), query=query)
    return found


def _plain(link: str) -> str:
    """The same without TLS, which a rehearsal needs no certificates for."""
    if not link.startswith(f"{TLS}://"):
        return link
    host = link.removeprefix(f"{TLS}://").rstrip("/")
    has_port = re.search(r":\d+$", host) is not None
    return f"modbus+tcp://{host}" if has_port else f"modbus+tcp://{host}:{TLS_PORT}"


def nobody(link: str, folder: Path) -> str:
    """A link of the same kind that nobody answers on."""
    scheme, _sep, rest = link.partition("://")
    return f"{scheme}://{folder}/nobody" if rest.startswith("/") else f"{scheme}://{DEAD}"
