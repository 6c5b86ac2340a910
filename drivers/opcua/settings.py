"""What a site file says of a connection to an OPC UA server, and of what is read over it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from gateway.driver import AddressError
from gateway.words import _

SCHEME = "opc.tcp"
PORT = 4840
"""Registered for OPC UA (IANA)."""
CONNECT_S = 4.0
"""How long each step of opening may take."""
NONE = "None"
"""The policy, and the mode, of a connection that nobody protects."""
PKI = "/var/lib/nxgate/pki"
"""Where certificates are, for a link that comes from no site file."""
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """One connection: where it leads, and how it is secured.

    A resolved link carries them behind its question mark, so that a link with other settings is
    another link; a site file writes them under `security`.

    Attributes:
        server: the URL that the server knows itself by, without what is ours.
        policy, mode: as the site file writes them; `NONE` only where it says so.
        user: name at the server; None: anonymous.
        password: file that holds the password.
        cert, key: files of a user's certificate and key, in place of a name.
        pki: folder of the own certificate and of the trust lists.
        certified_host: host that the server's certificate carries, where it isn't the link's.
        certified_uri: its application URI, where the server calls itself otherwise.
    """

    server: str
    host: str
    port: int
    policy: str = "Basic256Sha256"
    mode: str = "SignAndEncrypt"
    user: str | None = None
    password: str | None = None
    cert: str | None = None
    key: str | None = None
    pki: str = PKI
    certified_host: str | None = None
    certified_uri: str | None = None

    @property
    def endpoint(self) -> str:
        """`host:port`, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_plain(self) -> bool:
        """Whether anybody on the way can read and change what is said."""
        return self.policy == NONE

    @classmethod
    def of(cls, url: str) -> Settings:
        """Read a link: `opc.tcp://host[:port][/path]`, resolved or not.

        Raises:
            AddressError: with what is wrong and what to write.
        """
        written, _mark, query = url.partition("?")
        host, port = _endpoint(written)
        given = dict(parse_qsl(query, keep_blank_values=True))
        odd = next((key for key in given if key not in _KEYS), None)
        if odd is not None:
            raise AddressError(
                "bad-link",
                _("`{url}`: {scheme} takes no {key} there").format(url=url, scheme=SCHEME, key=odd),
                _("write security: {{policy: …, mode: …}} beside the link").format(),
            )
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        server = f"{SCHEME}://{at}{urlsplit(written).path}"
        return cls(server=server, host=host, port=port, **given)


_KEYS = {field.name for field in fields(Settings)} - {"server", "host", "port"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a device's tags are read.

    Attributes:
        is_told: the server tells changes (`mode: subscribe`); else it is asked.
        sampling: seconds, how often the server looks; 0: as often as it tells.
        queue: changes of a tag that it keeps until it tells them; 0: as many as it sees.
        discard: which of them it gives up where there are more, `oldest` or `newest`.
    """

    is_told: bool = False
    sampling: float = 0.0
    queue: int = 0
    discard: str = "oldest"

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Reading:
        """Take what concerns this driver out of a device's options."""
        given = options.get("subscription")
        kept = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
        return cls(is_told=options.get("mode") == "subscribe", **kept)

    def item(self, period_s: float) -> tuple[float, int, bool]:
        """Sampling interval in ms, queue, and whether its oldest goes, at a group's pace."""
        sampling_s = min(self.sampling or period_s, period_s)
        queue = self.queue or math.ceil(round(period_s / sampling_s, 6))
        return sampling_s * 1000, queue, self.discard == "oldest"


def _endpoint(url: str) -> tuple[str, int]:
    example = _("write it like `{example}`").format(example=f"{SCHEME}://10.0.0.9:{PORT}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        what = _("`{url}`: the port or the brackets are wrong").format(url=url)
        raise AddressError("bad-link", what, example) from None
    if parts.scheme != SCHEME:
        what = _("`{url}` does not begin with {scheme}://").format(url=url, scheme=SCHEME)
        raise AddressError("bad-link", what, example)
    host = parts.hostname or ""
    if parts.username is not None or parts.fragment or not _HOST.fullmatch(host):
        raise AddressError("bad-link", _("`{url}` names no host").format(url=url), example)
    if port == 0:
        raise AddressError("bad-link", _("`{url}`: there is no port 0").format(url=url), example)
    return host, PORT if port is None else port
