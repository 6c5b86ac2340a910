"""Why there is no connection, in a word that the next step depends on and in words for people."""

from __future__ import annotations

import socket
import ssl
from enum import StrEnum

from gateway.errors import BrokerUnavailable, ConfigError
from gateway.tls import reason
from gateway.words import _


class Cause(StrEnum):
    """What stands in the way."""

    NETWORK = "network"
    NAME = "name"
    TLS = "tls"
    CREDENTIALS = "credentials"
    VERSION = "version"
    DROPPED = "dropped"
    """Closed without an answer to CONNECT."""
    SILENT = "silent"
    """No answer to CONNECT at all."""
    TAKEN_OVER = "taken-over"
    """Somebody else connected with our client id."""
    UNSUITABLE = "unsuitable"
    """The broker lacks something that is needed (retain, QoS 1)."""
    TOO_LARGE = "too-large"
    """The broker won't have a message of such a size."""
    UNANSWERED = "unanswered"
    """The connection stands, and nothing is acknowledged."""
    OFFENCE = "offence"
    """The broker sent what it must not."""
    CONTESTED = "contested"
    """One connection after another breaks soon, and nobody says why."""
    HOST = "host"
    """The application that the records are for isn't at this broker."""
    BIRTH = "birth"
    """The broker won't have what a session begins with: too large."""
    RENEWED = "renewed"
    """Ended by the gateway itself, to come back with another epoch."""


CODES = {
    0x84: Cause.VERSION,
    0x85: Cause.CREDENTIALS,
    0x86: Cause.CREDENTIALS,
    0x87: Cause.CREDENTIALS,
    0x8A: Cause.CREDENTIALS,
    0x8C: Cause.CREDENTIALS,
    0x8E: Cause.TAKEN_OVER,
    0x95: Cause.TOO_LARGE,
    0x9A: Cause.UNSUITABLE,
    0x9B: Cause.UNSUITABLE,
}
"""MQTT 5 reason codes of CONNACK and DISCONNECT; any other is `NETWORK`."""

SLOW = frozenset(
    {
        Cause.TLS,
        Cause.CREDENTIALS,
        Cause.VERSION,
        Cause.TAKEN_OVER,
        Cause.UNSUITABLE,
        Cause.UNANSWERED,
        Cause.OFFENCE,
        Cause.BIRTH,
    }
)
"""What haste can't mend, and what might even lock an account."""


def explain(error: Exception) -> BrokerUnavailable:
    """Turn what a connect raised into words and a cause."""
    match error:
        case socket.gaierror():
            return BrokerUnavailable(reason(error), Cause.NAME)
        case ssl.SSLCertVerificationError():
            return BrokerUnavailable(reason(error), Cause.TLS)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return BrokerUnavailable(reason(error), Cause.NETWORK)
        case ssl.SSLError():
            return BrokerUnavailable(reason(error), Cause.TLS)
        case ConfigError():
            return BrokerUnavailable(str(error), Cause.CREDENTIALS)
        case _:
            return BrokerUnavailable(reason(error), Cause.NETWORK)


def advice(cause: str, client_id: str) -> str:
    """What a person can do about it."""
    texts: dict[str, str] = {
        Cause.NAME: _("check the name in the url and this machine's name server"),
        Cause.TLS: _("check the host name in the url, tls.ca, tls.cert, tls.key and their dates"),
        Cause.CREDENTIALS: _(
            "check username, password and client_id, and what the broker allows them"
        ),
        Cause.VERSION: _("write version: 3.1.1 or version: auto"),
        Cause.TAKEN_OVER: _(
            "another client uses the client id {client_id}: give each gateway a name or a"
            " client_id of its own"
        ),
        Cause.CONTESTED: _(
            "it keeps breaking: check the line, and whether another client uses the client id"
            " {client_id}"
        ),
        Cause.UNANSWERED: _("check the broker: its log, its disk, its load"),
        Cause.OFFENCE: _("check what is sent to the gateway's own topics, and the broker"),
        Cause.UNSUITABLE: _("the broker must allow retained messages and QoS 1"),
        Cause.HOST: _("check the host application, and primary_host"),
        Cause.BIRTH: _("allow larger messages at the broker, or bind fewer signals to one asset"),
    }
    text = texts.get(cause, _("check that the broker runs and can be reached from here"))
    return text.format(client_id=client_id)
