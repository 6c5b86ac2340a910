"""The certificates of a broker's connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import tls as certificates
from gateway.errors import BrokerUnavailable
from gateway.publishers.causes import Cause
from gateway.words import _

if TYPE_CHECKING:
    import ssl

    from gateway.settings import Tls


def context(tls: Tls | None) -> ssl.SSLContext:
    """Make a context; the files are read each time, so that certificates can be rotated.

    Args:
        tls: certificates; without `ca` the system's authorities are trusted.

    Raises:
        BrokerUnavailable: a file is missing or is not what it should be.
    """
    files = (tls.ca, tls.cert, tls.key) if tls else (None, None, None)
    try:
        return certificates.context(*files)
    except (OSError, ValueError) as error:
        names = ", ".join(str(path) for path in files if path)
        said = certificates.reason(error)
        text = _("{files}: {reason}").format(files=names, reason=said)
        raise BrokerUnavailable(text, Cause.TLS) from error
