"""The exceptions that cross rooms. Class decides the reaction, never the text of a message.

    GatewayError
    ├── ConfigError            the site file or a profile is wrong: fix it, no retry
    ├── DriverError
    │   ├── ConnectionLost     the link is gone: back off, reopen
    │   ├── RequestTimeout     no answer in time: the device backs off, the link stays
    │   ├── RequestRefused     the device answered no: the link is fine, the tag is bad
    │   ├── DecodeError        the answer makes no sense: keeps the bytes
    │   ├── Rival              another master asks on the line: nothing is written
    │   ├── Stranger           another device answers than the one that is meant
    │   └── TooLate            a command's time was over before it could be carried out
    ├── NotEntered             what is said of an asset can't be taken: tell who said it
    ├── StoreError             the store can't be opened, or the disk refuses
    └── PublishError
        └── BrokerUnavailable  keep the records, back off, reconnect

Messages are for people: who, what was tried, what came back, where it is configured, what next.
What is raised and caught within one room, or is part of a room's contract (`driver.Unwritable`,
`commands.command.Rejected`), stands there.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.words import _


class GatewayError(Exception):
    """Root of everything the gateway raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a file.

    Attributes:
        file: path as the user gave it.
        line, column: from 1; 0 where there is no position (an unreadable file).
        code: stable, the same in every language, e.g. `unknown-key`.
        what: what is wrong, translated.
        next: what to do, translated.
    """

    file: str
    line: int
    column: int
    code: str
    what: str
    next: str

    def __str__(self) -> str:
        """Spell it `file:line:column: what: what next`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: " + _("{what}: {next}").format(what=self.what, next=self.next)


@dataclass(frozen=True, slots=True)
class Faults:
    """All faults of a file, as they travel between processes."""

    faults: tuple[Fault, ...]


class ConfigError(GatewayError):
    """One or more faults of a site file, a profile or a template, all of them at once."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class DriverError(GatewayError):
    """The only family a driver raises.

    Attributes:
        fault: what is wrong, by a code that is the same in every language; docs/faults.md has
            them all.
    """

    fault = "device-fails"


class ConnectionLost(DriverError):  # noqa: N818 - the field's word, and it reads as one
    """The link could not be opened or broke."""

    def __init__(self, message: str, fault: str = "link-lost") -> None:
        super().__init__(message)
        self.fault = fault


class RequestTimeout(DriverError):  # noqa: N818
    """No answer within the device's time-out."""

    fault = "no-answer"


class RequestRefused(DriverError):  # noqa: N818
    """The device answered with an exception.

    Attributes:
        code: the protocol's own number, e.g. Modbus exception 2.
    """

    fault = "device-refuses"

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class DecodeError(DriverError):
    """An answer arrived and made no sense.

    Attributes:
        data: what arrived.
    """

    fault = "device-nonsense"

    def __init__(self, message: str, data: bytes) -> None:
        super().__init__(message)
        self.data = data


class Rival(DriverError):  # noqa: N818
    """Another master asks on the line, so nothing is written."""

    fault = "second-master"


class Stranger(DriverError):  # noqa: N818
    """Another device answers than the one that is meant, or its registers moved."""

    fault = "device-stranger"


class TooLate(DriverError):  # noqa: N818
    """The time was over before the device was asked; nothing was sent."""


class NotEntered(GatewayError):  # noqa: N818
    """What somebody says of an asset can't be entered, in words."""


class StoreError(GatewayError):
    """The store can't be opened, or the disk refuses."""


class PublishError(GatewayError):
    """The only family a publisher raises."""


class BrokerUnavailable(PublishError):  # noqa: N818
    """No connection, or it broke; records stay where they are.

    Attributes:
        cause: what stands in the way, in a word of the publisher's own that its next step
            depends on, e.g. `network`, `credentials`.
    """

    def __init__(self, message: str, cause: str = "network") -> None:
        super().__init__(message)
        self.cause = cause
