"""One record as several messages: when it counts as arrived, and how many are under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from gateway.model import Record
from gateway.publishers.dialects.carrier import Carrier, Part
from gateway.publishers.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.publishers.mqtt_client import Connection

Acks = list[tuple[Message, int]]


class Line:
    """A connection that keeps what is sent, and tells what a format found answered."""

    window = 3

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.told: Acks = []

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def flush(self) -> None:
        """Nothing is kept back."""

    def excess(self, message: Message) -> int:
        return len(message.payload) - 10

    def on_acks(self, acks: Sequence[tuple[Message, int]]) -> None:
        self.told.extend(acks)


def message(key: int = 1) -> Message:
    record = Record(key, "telemetry", "l1", "press-1", 1, b"{}")
    return Message(key, "lane", b"{}", retain=False, record=record)


def carrier(line: Line, *parts: Part, most: int = 0, first: Sequence[Part] = ()) -> Carrier:
    return Carrier(cast("Connection", line), lambda _m: parts, lambda _m: first, most)


def answer(carried: Carrier, parts: Sequence[Message], code: int = 0) -> Acks:
    return list(carried.answered([(part, code) for part in parts]))


def test_a_record_has_arrived_when_all_of_it_has() -> None:
    line = Line()
    carried = carrier(line, *(Part(f"t/{n}", b"x") for n in range(5)))
    whole = message()
    carried.send(whole)
    assert len(line.sent) == 3, "no more than the other side takes"
    assert answer(carried, line.sent[:2]) == []
    assert len(line.sent) == 5
    assert answer(carried, line.sent[2:4]) == []
    assert answer(carried, line.sent[4:]) == [(whole, 0)]


def test_the_gravest_answer_counts() -> None:
    line = Line()
    carried = carrier(line, Part("a", b"x"), Part("b", b"y"))
    whole = message()
    carried.send(whole)
    assert answer(carried, line.sent[:1], 0x87) == []
    assert answer(carried, line.sent[1:]) == [(whole, 0x87)]


def test_what_says_nothing_is_told_in_a_turn_of_its_own() -> None:
    async def main() -> None:
        line = Line()
        whole = message()
        carrier(line).send(whole)
        assert not line.told
        await asyncio.sleep(0)
        assert line.told == [(whole, 0)]
        assert not line.sent

    asyncio.run(main())


def test_an_introduction_goes_ahead_and_is_nobodys_record() -> None:
    line = Line()
    carried = carrier(line, Part("a", b"x"), first=[Part("hello", b"h")])
    whole = message()
    carried.send(whole)
    assert [sent.topic for sent in line.sent] == ["hello", "a"]
    assert answer(carried, line.sent[:1]) == []
    assert answer(carried, line.sent[1:]) == [(whole, 0)]


def test_what_is_no_record_goes_as_it_is() -> None:
    line = Line()
    carried = carrier(line)
    status = Message(0, "status", b"s", retain=True, again=False)
    carried.send(status)
    assert line.sent == [status]
    assert answer(carried, [status], 0x10) == [(status, 0x10)]


@pytest.mark.parametrize(("most", "excess"), [(0, 5), (8, 7), (100, 5)])
def test_the_largest_part_tells_what_is_too_much(most: int, excess: int) -> None:
    carried = carrier(Line(), Part("a", b"x"), Part("b", b"y" * 15), most=most)
    assert carried.excess(message()) == excess


@pytest.mark.parametrize("puback_first", [True, False])
def test_a_platforms_own_answer_is_waited_for(puback_first: bool) -> None:  # noqa: FBT001
    async def main() -> None:
        line = Line()
        carried = carrier(line, Part("a", b"x", awaits="7"), Part("b", b"y", awaits="8"))
        whole = message()
        carried.send(whole)
        if puback_first:
            assert answer(carried, line.sent) == []
        carried.replied("7", 0)
        carried.replied("7", 0)  # twice is once
        carried.replied("nobody's", 0)
        assert line.told == []
        carried.replied("8", 0x97)
        assert line.told == [(whole, 0x97)]
        if not puback_first:
            assert answer(carried, line.sent) == []
        carried.close()

    asyncio.run(main())


def test_a_part_that_the_broker_refuses_needs_no_other_answer() -> None:
    async def main() -> None:
        line = Line()
        carried = carrier(line, Part("a", b"x", awaits="7"))
        whole = message()
        carried.send(whole)
        assert answer(carried, line.sent, 0x87) == [(whole, 0x87)]
        carried.replied("7", 0)
        assert not line.told

    asyncio.run(main())


def test_a_platform_that_never_answers_is_believed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.publishers.dialects.carrier.REPLY_S", 0.01)

    async def main() -> None:
        line = Line()
        carried = carrier(line, Part("a", b"x", awaits="7"))
        whole = message()
        carried.send(whole)
        assert answer(carried, line.sent) == []
        await asyncio.sleep(0.05)
        assert line.told == [(whole, 0)]

    asyncio.run(main())
