"""What a platform asks in its own words, as commands of the contract, and their replies.

A command then goes the way of all others: the site file's permissions, limits and pace, the audit
log. These platforms sign nothing themselves, so the site file must say `unsigned: true`; who may
speak is decided by the broker they own.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gateway.contract import VERSION, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.model import Value
    from gateway.publishers.dialects.carrier import Part
    from gateway.publishers.inbox import Arrived
    from gateway.settings import Identity

LIFE_MS = 30_000
"""For so long a question waits to be carried out; platforms give up by then."""
TWICE_MS = 60_000
"""A broker that sends the same question again within this time is not obeyed twice."""
MOST_OPEN = 256
NAMES = frozenset({"write", "resend", "context", "ack"})
_DONE = frozenset({"ok", "accepted"})


class Wish(NamedTuple):
    """One command."""

    name: str
    args: Mapping[str, object]


class Answer(NamedTuple):
    """What became of a question.

    Attributes:
        ok: every wish was carried out.
        msg: why not, or "".
        data: what the replies told.
    """

    ok: bool
    msg: str
    data: Mapping[str, object]


@dataclass(slots=True)
class _Open:
    then: Callable[[Answer], Sequence[Part]]
    left: int
    due_ms: int
    wrong: list[str] = field(default_factory=list)
    data: dict[str, object] = field(default_factory=dict)


def writes(values: Mapping[str, object]) -> list[Wish]:
    """Ask for each of several values to be written."""
    return [Wish("write", {"tag": name, "value": value}) for name, value in values.items()]


def wish(method: str, params: object) -> Wish:
    """A method of the platform's as a command: one of ours, else a write of the tag so named."""
    if method in NAMES and isinstance(params, dict):
        return Wish(method, params)
    value = params.get("value") if isinstance(params, dict) else params
    return Wish("write", {"tag": method, "value": value})


class Asking:
    """Of one publisher.

    Args:
        identity: the topic levels above line and asset.
        clock: when a question was asked.
        line_of: on which line an asset is.
        by: who asks, for the audit log.
    """

    def __init__(
        self, identity: Identity, clock: Clock, line_of: Callable[[str], str], by: str
    ) -> None:
        self._root = root_of(identity)
        self._clock = clock
        self._line_of = line_of
        self._by = by
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._seen: OrderedDict[object, int] = OrderedDict()

    def ask(
        self,
        asset: str,
        wishes: Sequence[Wish],
        then: Callable[[Answer], Sequence[Part]],
        *,
        token: object,
        retained: bool,
    ) -> Iterator[Arrived]:
        """Make commands of a question.

        Args:
            asset: whom it is for.
            wishes: what is to be done.
            then: spells the answer, once all is done.
            token: the same where the broker has sent the same question twice.
            retained: the broker had kept it.
        """
        now_ms = self._clock.wall_ns() // 1_000_000
        if self._is_repeated(token, now_ms) or not wishes:
            return
        self._forget(now_ms)
        waiting = _Open(then, len(wishes), now_ms + 2 * LIFE_MS)
        for one in wishes:
            cid = f"{self._by}-{secrets.token_hex(12)}"
            self._open[cid] = waiting
            fields = {
                "v": VERSION,
                "cid": cid,
                "ts": now_ms,
                "exp": now_ms + LIFE_MS,
                "args": one.args,
                "by": self._by,
            }
            topic = f"{self._root}/{self._line_of(asset)}/{asset}/cmd/{one.name}"
            yield topic, orjson.dumps(fields), retained

    def answer(self, topic: str, payload: bytes) -> Sequence[Part]:
        """Take a command's reply; what the platform is told, once it is the last."""
        waiting = self._open.pop(topic.rpartition("/")[2], None)
        if waiting is None:
            return ()
        reply = orjson.loads(payload)
        waiting.left -= 1
        if reply["code"] not in _DONE:
            waiting.wrong.append(reply.get("msg") or reply["code"])
        waiting.data.update(reply.get("data", {}))
        if waiting.left:
            return ()
        return waiting.then(Answer(not waiting.wrong, "; ".join(waiting.wrong), waiting.data))

    def _is_repeated(self, token: object, now_ms: int) -> bool:
        while self._seen and next(iter(self._seen.values())) < now_ms - TWICE_MS:
            self._seen.popitem(last=False)
        repeated = token in self._seen
        self._seen.setdefault(token, now_ms)
        if len(self._seen) > MOST_OPEN:
            self._seen.popitem(last=False)
        return repeated

    def _forget(self, now_ms: int) -> None:
        while self._open:
            cid, oldest = next(iter(self._open.items()))
            if oldest.due_ms > now_ms and len(self._open) < MOST_OPEN:
                return
            del self._open[cid]


def number_of(given: object) -> int | str | None:
    """A platform's number of a question, which the answer repeats."""
    return given if isinstance(given, (int, str)) else None


def scalars(values: object) -> dict[str, Value]:
    """The values among what a platform has sent."""
    given = values if isinstance(values, dict) else {}
    return {k: v for k, v in given.items() if isinstance(v, (bool, int, float, str))}
