"""What is refused before anything is done or written down: a pure look at one message.

In this order: the topic (an asset of this gateway), retained, size, signature, form, the clock,
times, repetition. What passes is a `Command`: authentic, in time, and never seen before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import orjson

from gateway.commands.command import Code, Command, Outcome, Target
from gateway.commands.signature import cut
from gateway.contract import root_of
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gateway.clock import Clock
    from gateway.commands.command import Inbound
    from gateway.commands.signature import Cut, Keys
    from gateway.settings import Identity

MOST_BYTES = 16 << 10
MOST_LIFE_MS = 24 * 3600 * 1000
"""Longest time from making a command to its expiry: for so long its id must be remembered."""
MOST_AHEAD_MS = 5 * 60 * 1000
"""How far a sender's clock may be ahead of ours."""
MOST_BY = 128

_CID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
_NAME = re.compile(r"[a-z_]{1,32}")
_VERSION = re.compile(r"1\.[0-9]{1,4}")


class Reason(StrEnum):
    """Why a message is no command; the words of the audit log's counts."""

    FOREIGN = "foreign"
    RETAINED = "retained"
    OVERSIZED = "oversized"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    MALFORMED = "malformed"
    CLOCK = "clock"
    EXPIRED = "expired"
    TIMES = "times"
    DUPLICATE = "duplicate"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that is no command for this gateway now.

    Attributes:
        reply: None where nobody could be told: no id, or another gateway's business.
        cid: "" where it tells none.
    """

    reason: Reason
    inbound: Inbound
    cid: str = ""
    reply: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """How one destination's commands are proven."""

    keys: Keys
    signed: bool
    unsigned: bool


class Authority:
    """Judges messages on command topics.

    Args:
        identity: the topic levels above line and asset.
        doors: for each destination that takes commands.
        clock: both clocks.
        floor_ms: commands that expire at or before this are refused; ids of such were forgotten.
        born_ms: commands made before this are refused: nobody knows which of them were seen.
        told: what became of an id that was seen, else None.
    """

    def __init__(
        self,
        identity: Identity,
        doors: Mapping[str, Door],
        clock: Clock,
        floor_ms: Callable[[], int],
        born_ms: Callable[[], int],
        told: Callable[[str], Outcome | None],
    ) -> None:
        self._root = f"{root_of(identity)}/"
        self._doors = doors
        self._clock = clock
        self._floor_ms = floor_ms
        self._born_ms = born_ms
        self._told = told
        self.targets: Collection[Target] = frozenset()

    def judge(self, inbound: Inbound) -> Command | Refusal:
        """Make a command of a message, or say why it is none."""
        door = self._doors.get(inbound.publisher)
        tail = inbound.topic.removeprefix(self._root).split("/")
        if len(tail) != 4 or tail[2] != "cmd" or not inbound.topic.startswith(self._root):  # noqa: PLR2004
            return Refusal(Reason.FOREIGN, inbound)
        target = Target(tail[0], tail[1])
        if door is None or target not in self.targets:
            return Refusal(Reason.FOREIGN, inbound)
        if len(inbound.payload) > MOST_BYTES:
            return Refusal(Reason.OVERSIZED, inbound)
        body = cut(inbound.payload)
        proven = door.signed and body.sig is not None and door.keys.match(inbound.topic, body)
        wrong = _unproven(inbound, body, door, proven=proven)
        return wrong or self._read(inbound, target, tail[3], body, signed=proven)

    def _read(
        self, inbound: Inbound, target: Target, name: str, body: Cut, *, signed: bool
    ) -> Command | Refusal:
        """Take the fields of a body that may be believed."""
        fields = _fields(body.text)
        wrong = _wrong(fields, name, signed=signed)
        if wrong:
            return _refuse(Reason.MALFORMED, inbound, body, Code.REJECTED, wrong)
        ts_ms, exp_ms = _whole(fields, "ts"), _whole(fields, "exp")
        late = self._untimely(ts_ms, exp_ms)
        if late is not None:
            return _refuse(late[0], inbound, body, late[1], late[2])
        cid = str(fields["cid"])
        first = self._told(cid)
        if first is not None:
            data = {"code": first.code, "msg": first.msg} if first.msg else {"code": first.code}
            text = _("this cid was used before; what became of that command is in data")
            return Refusal(
                Reason.DUPLICATE, inbound, cid, Outcome(Code.DUPLICATE, text, {"first": data})
            )
        args = fields["args"]
        return Command(
            publisher=inbound.publisher,
            topic=inbound.topic,
            target=target,
            name=name,
            cid=cid,
            ts_ms=ts_ms,
            exp_ms=exp_ms,
            args=args if isinstance(args, dict) else {},
            by=str(fields.get("by", "")),
            signed=signed,
        )

    def _untimely(self, ts_ms: int, exp_ms: int) -> tuple[Reason, Code, str] | None:
        """Why a command isn't one for now; None where it is."""
        if not self._clock.trusted():
            text = _("the gateway's clock isn't synchronised, so it can't tell what has expired")
            return Reason.CLOCK, Code.REJECTED, text
        now_ms = self._clock.wall_ns() // 1_000_000
        if exp_ms <= now_ms or exp_ms <= self._floor_ms():
            text = _("it had expired; the gateway's clock shows {now} (UTC ms)").format(now=now_ms)
            return Reason.EXPIRED, Code.EXPIRED, text
        if ts_ms < self._born_ms():
            text = _("it was made before this gateway began to remember which it has seen")
            return Reason.EXPIRED, Code.EXPIRED, text
        if ts_ms > now_ms + MOST_AHEAD_MS:
            text = _("ts is in the future; the gateway's clock shows {now} (UTC ms)")
            return Reason.TIMES, Code.REJECTED, text.format(now=now_ms)
        if not 0 < exp_ms - ts_ms <= MOST_LIFE_MS:
            text = _("exp must be after ts, by 24 hours at most")
            return Reason.TIMES, Code.REJECTED, text
        return None


def _unproven(inbound: Inbound, body: Cut, door: Door, *, proven: bool) -> Refusal | None:
    """Refuse what is kept by the broker, and what doesn't come from whoever has the key."""
    if inbound.retained:
        text = _("retained commands aren't taken: publish it with retain off")
        return _refuse(Reason.RETAINED, inbound, body, Code.REJECTED, text)
    if door.signed and body.sig is not None and not proven:
        text = _("the signature is not that of this topic and body with our key")
        return _refuse(Reason.FORGED, inbound, body, Code.NOT_PERMITTED, text)
    if not proven and not door.unsigned:
        text = _("commands must be signed; sig must be the last member of the body")
        return _refuse(Reason.UNSIGNED, inbound, body, Code.NOT_PERMITTED, text)
    return None


def _refuse(reason: Reason, inbound: Inbound, body: Cut, code: Code, msg: str) -> Refusal:
    """Refuse a message and answer it, where it has an id that can stand in a topic."""
    cid = _fields(body.text).get("cid")
    if _fits(_CID, cid):
        return Refusal(reason, inbound, str(cid), Outcome(code, msg))
    return Refusal(reason, inbound)


def _fields(text: bytes) -> dict[str, object]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _wrong(fields: Mapping[str, object], name: str, *, signed: bool) -> str:
    """What the body lacks, or "". Members that aren't known are passed over."""
    cid, by, version = fields.get("cid"), fields.get("by", ""), fields.get("v")
    wrong = {
        _("the body must be a JSON object"): not fields,
        _("a command's name is small letters"): not _fits(_NAME, name),
        _("sig is there twice"): signed and "sig" in fields,
        _("cid must be 8 to 64 letters, digits and . _ : -"): not _fits(_CID, cid),
        _("v must be 1.x"): not _fits(_VERSION, version),
        _("by must be text of at most {most} characters").format(most=MOST_BY): (
            not isinstance(by, str) or len(by) > MOST_BY or not by.isprintable()
        ),
        _("ts and exp must be UTC ms, as whole numbers"): (
            _whole(fields, "ts") <= 0 or _whole(fields, "exp") <= 0
        ),
        _("args must be an object"): not isinstance(fields.get("args"), dict),
    }
    return next((text for text, holds in wrong.items() if holds), "")


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _whole(fields: Mapping[str, object], name: str) -> int:
    """A whole number among fields; 0 where there is none."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
