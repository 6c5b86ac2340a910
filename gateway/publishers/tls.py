"""TLS as the gateway speaks it: 1.2 or better, certificate and host name always verified."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gateway.errors import BrokerUnavailable
from gateway.publishers.causes import Cause, reason
from gateway.words import _

if TYPE_CHECKING:
    from gateway.settings import Tls


def context(tls: Tls | None) -> ssl.SSLContext:
    """Make a context; the files are read each time, so that certificates can be rotated.

    Args:
        tls: certificates; without `ca` the system's authorities are trusted.

    Raises:
        BrokerUnavailable: a file is missing or is not what it should be.
    """
    ca = tls.ca if tls else None
    try:
        made = ssl.create_default_context(cafile=ca)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls is not None and tls.cert is not None:
            made.load_cert_chain(tls.cert, tls.key, password=_no_password)
    except (OSError, ValueError) as error:
        files = (tls.ca, tls.cert, tls.key) if tls else ()
        names = ", ".join(str(path) for path in files if path)
        text = _("{files}: {reason}").format(files=names, reason=reason(error))
        raise BrokerUnavailable(text, Cause.TLS) from error
    return made


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal for an encrypted key's password."""
    raise ValueError(_("the key is encrypted; a gateway that starts by itself needs a plain one"))
