"""Where a connection leads: host and port of a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.driver import AddressError
from gateway.words import _

_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_ADDRESS6 = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a link leads."""

    host: str
    port: int

    def __str__(self) -> str:
        """Spell it `host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of a TLS connection; without `ca` the system's authorities are trusted."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


def endpoint(url: str, scheme: str, usual: int) -> Endpoint:
    """Read `scheme://host[:port]`; IPv6 addresses stand in brackets.

    Args:
        url: without a query.
        scheme: that it must have.
        usual: the port where none is given.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    example = _("write it like `{example}`").format(example=f"{scheme}://10.0.0.5:{usual}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressError(
            "bad-link", _("`{url}`: the port or the brackets are wrong").format(url=url), example
        ) from None
    if parts.scheme != scheme:
        what = _("`{url}` does not begin with {scheme}://").format(url=url, scheme=scheme)
        raise AddressError("bad-link", what, example)
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressError(
            "bad-link",
            _("`{url}`: {scheme} takes a host and a port, no more").format(url=url, scheme=scheme),
            example,
        )
    host = parts.hostname or ""
    if not (_ADDRESS6 if ":" in host else _HOST).fullmatch(host):
        raise AddressError("bad-link", _("`{url}` names no host").format(url=url), example)
    if port == 0:
        raise AddressError("bad-link", _("`{url}`: there is no port 0").format(url=url), example)
    return Endpoint(host, usual if port is None else port)
