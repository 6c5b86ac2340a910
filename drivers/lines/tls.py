"""The certificates of a connection to a device, and what is said where they don't do."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gateway import tls
from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    from drivers.lines.endpoint import Certificates, Endpoint

_EXPIRED = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h."""
_ANOTHER = {62, 64}
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_WANTS_ONE = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")
"""Alerts by which a device says that it won't have the gateway's certificate, or wants one."""


def context(files: Certificates) -> ssl.SSLContext:
    """Make a context of a link's files.

    Raises:
        ConnectionLost: one is missing or is not what it should be.
    """
    try:
        return tls.context(files.ca, files.cert, files.key)
    except (OSError, ValueError) as error:
        names = ", ".join(filter(None, (files.ca, files.cert, files.key)))
        text = _("{files}: {reason}").format(files=names, reason=tls.reason(error))
        raise ConnectionLost(text, "link-tls") from error


def refused(where: Endpoint, error: ssl.SSLError | ConnectionError) -> str:
    """Say why a connection is not trusted, or not let in."""
    if isinstance(error, ssl.SSLCertVerificationError):
        next_ = _("Check that tls.ca is the authority that signed the device's certificate.")
        if error.verify_code in _EXPIRED:
            next_ = _("Renew the device's certificate, or set this machine's clock.")
        elif error.verify_code in _ANOTHER:
            next_ = _("Write the link with a name or address that the certificate has.")
        text = _("{endpoint}: the device's certificate is refused: {reason}. {next}")
        return text.format(endpoint=where, reason=tls.reason(error), next=next_)
    text = _("{endpoint}: no TLS connection: {reason}.")
    return text.format(endpoint=where, reason=alert(error))


def alert(error: ssl.SSLError | ConnectionError) -> str:
    """Say what a connection ended with, that was made or nearly so."""
    next_ = _("check that the device speaks TLS on this port; Modbus without it is modbus+tcp")
    if isinstance(error, ssl.SSLError) and any(word in (error.reason or "") for word in _WANTS_ONE):
        next_ = _("check tls.cert and tls.key: the device lets in only whom it knows")
    what = tls.reason(error) if str(error) else _("the device hung up")
    return _("{what}: {next}").format(what=what, next=next_)


def unheard() -> str:
    """Say what it means that a device hangs up before its first answer.

    In TLS 1.3 a client is in before the server has looked at its certificate, and the reason is
    lost where the server closes at once.
    """
    return _("the device hung up: check tls.cert and tls.key, it may let in only whom it knows")
