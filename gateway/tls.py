"""TLS as the gateway speaks it: 1.2 or better, certificate and host name always verified."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from os import PathLike

    File = str | PathLike[str] | None


def context(ca: File, cert: File, key: File) -> ssl.SSLContext:
    """Make a context; the files are read each time, so that certificates can be rotated.

    Args:
        ca: authorities to trust; None: the system's.
        cert: own certificate; None: none is shown.
        key: its key.

    Raises:
        OSError, ValueError: a file is missing or is not what it should be.
    """
    made = ssl.create_default_context(cafile=ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert is not None:
        made.load_cert_chain(cert, key, password=_no_password)
    return made


def reason(error: Exception) -> str:
    """The system's own words, without its numbers."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal for an encrypted key's password."""
    raise ValueError(_("the key is encrypted; a gateway that starts by itself needs a plain one"))
