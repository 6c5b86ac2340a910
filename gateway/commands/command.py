"""What a command is, and what becomes of it, in the contract's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Code(StrEnum):
    """How a command ended: `code` of the contract's reply."""

    OK = "ok"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    NOT_PERMITTED = "not_permitted"


class Target(NamedTuple):
    """An asset by the levels of its topics."""

    line: str
    asset: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message on a command topic, as it came from whoever sent it.

    Attributes:
        publisher: name of the destination over which it came.
        retained: published to be kept by the broker, or kept by it.
    """

    publisher: str
    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is authentic and in time.

    Attributes:
        publisher: name of the destination over which it came, and over which the reply goes.
        name: last level of its topic.
        cid: its id, given by the sender.
        ts_ms, exp_ms: UTC ms at which it was made, and from which on it isn't carried out.
        by: who the sender says has asked for it.
        signed: False where the site file lets it pass without a signature.
    """

    publisher: str
    topic: str
    target: Target
    name: str
    cid: str
    ts_ms: int
    exp_ms: int
    args: Mapping[str, object]
    by: str
    signed: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: its reply, but for id and time."""

    code: Code
    msg: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


class Rejected(Exception):  # noqa: N818 - the contract's word
    """A command that isn't carried out, and why.

    Attributes:
        outcome: the reply.
    """

    def __init__(self, msg: str, code: Code = Code.REJECTED) -> None:
        super().__init__(msg)
        self.outcome = Outcome(code, msg)


class Handler(Protocol):
    """Carries out commands of one name."""

    async def __call__(self, command: Command) -> Outcome:
        """Do it, now; or raise `Rejected`."""
