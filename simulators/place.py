"""Where a link of a scenario is served: a TCP port, or a pseudo-terminal that stands for a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlsplit

from gateway.sitefile.explain import Wrong
from gateway.words import _

TCP, RTU, ASCII, RTU_OVER_TCP = "modbus+tcp", "modbus+rtu", "modbus+ascii", "modbus+rtuovertcp"
MODBUS = (TCP, RTU, ASCII, RTU_OVER_TCP)
METERS, METERS_OVER_TCP = "dlt645", "dlt645+tcp"
SCHEMES = (*MODBUS, METERS, METERS_OVER_TCP)
SERVER = "opc.tcp"
"""An OPC UA server: one device, whose nodes are no registers."""
LINES = frozenset({RTU, ASCII, METERS})
"""Served as pseudo-terminals, at the path that the URL names."""
USUAL_PORT, METERS_PORT, SERVER_PORT = 502, 4001, 4840
USUAL_BAUD, METERS_BAUD = 9600, 2400
TURN_S = 0.003
"""How long a device thinks before it answers on a line, unless the URL says it."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link is served.

    Attributes:
        scheme: one of `SCHEMES`, or `SERVER`.
        host, port: of a TCP port; 0 is any free one.
        path: of a line.
        query: what stands behind the question mark, as it was given.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    query: str = ""

    @classmethod
    def of(cls, url: str) -> Place:
        """Read a link as a site file writes it.

        Raises:
            Wrong: `bad-link`, where no simulator serves such a link.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # a port that is no number
            raise _refuse(url) from None
        if parts.scheme not in {*SCHEMES, SERVER}:
            raise _refuse(url)
        if parts.scheme in LINES:
            if parts.netloc or not parts.path.strip("/"):
                raise _refuse(url)
            return cls(parts.scheme, path=parts.path, query=parts.query)
        if not parts.hostname or parts.path.strip("/"):
            raise _refuse(url)
        usual = {METERS_OVER_TCP: METERS_PORT, SERVER: SERVER_PORT}.get(parts.scheme, USUAL_PORT)
        port = usual if port is None else port
        return cls(parts.scheme, parts.hostname, port, "", parts.query)

    @property
    def is_line(self) -> bool:
        """Whether it is a pseudo-terminal."""
        return self.scheme in LINES

    @property
    def is_meters(self) -> bool:
        """Whether DL/T 645 is spoken there."""
        return self.scheme in {METERS, METERS_OVER_TCP}

    @property
    def key(self) -> tuple[str, int, str]:
        """The thing itself: links of one key are one port or one line."""
        return self.host, self.port, str(PurePosixPath(self.path)) if self.path else ""

    @property
    def byte_s(self) -> float:
        """How long a byte takes on the line; 0 of a TCP port."""
        if not self.is_line:
            return 0.0
        given = dict(parse_qsl(self.query))
        baud = given.get("baud", "")
        data = 7 if given.get("bits") == "7" else 8
        is_meters = self.scheme == METERS
        parity = int(given.get("parity", "E" if is_meters else "N") != "N")
        bits = 1 + data + parity + (2 if given.get("stop") == "2" else 1)
        usual = METERS_BAUD if is_meters else USUAL_BAUD
        return bits / (int(baud) if baud.isdecimal() and int(baud) else usual)

    @property
    def turn_s(self) -> float:
        """How long its devices think before they answer."""
        match = _DURATION.fullmatch(dict(parse_qsl(self.query)).get("turnaround", ""))
        if match:
            return float(match[1]) * (0.001 if match[2] == "ms" else 1)
        return TURN_S if self.is_line else 0.0

    def at_port(self, port: int) -> Place:
        """The same on another port."""
        return replace(self, port=port)

    def __str__(self) -> str:
        """Spell it as a link, for a site file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        where = self.path if self.is_line else f"{host}:{self.port}"
        return f"{self.scheme}://{where}" + (f"?{self.query}" if self.query else "")


def _refuse(url: str) -> Wrong:
    return Wrong(
        "bad-link",
        _('"{url}" can\'t be served').format(url=url),
        _(
            "write modbus+tcp://127.0.0.1:15021, modbus+rtuovertcp:// or opc.tcp:// with address "
            "and port, "
            "modbus+rtu:///tmp/line-1 or modbus+ascii:// with the path of the port"
        ),
    )
