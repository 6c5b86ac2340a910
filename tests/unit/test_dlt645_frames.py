"""Frames of DL/T 645-2007 and what is found in them, against bytes written out by hand."""

from __future__ import annotations

import pytest

from drivers.dlt645 import frames
from drivers.dlt645.frames import Dlt645, Query
from drivers.lines.framing import Found
from gateway.errors import RequestRefused
from simulators.dlt645 import Meter, cut, frame

READ_VOLTAGE = bytes.fromhex("FEFEFEFE 68 020011112420 68 11 04 33 34 34 35 1D 16")
"""Meter 202411110002 asked for 02010100; the checksums are those of PyPI's dlt645."""
VOLTAGE = bytes.fromhex("FEFEFEFE 68 020011112420 68 91 06 33 34 34 35 3456 29 16")
"""230.1 V."""
FRAMING = Dlt645()


def asked(di: int = 0x02010100) -> Query:
    return frames.read("202411110002", di, 2)


def test_a_question_in_bytes() -> None:
    assert FRAMING.wrap(asked().body) == READ_VOLTAGE
    everyone = "FEFEFEFE 68 AAAAAAAAAAAA 68 13 00 DF 16"
    assert FRAMING.wrap(frames.whoever().body) == bytes.fromhex(everyone)
    following = frames.more(asked(), 1)
    assert FRAMING.wrap(following.body)[12:14] == bytes.fromhex("12 05")
    assert FRAMING.wrap(following.body)[-3:-2] == b"\x34"


def test_an_answer_in_bytes() -> None:
    found = FRAMING.find(VOLTAGE, asked())
    assert found == Found(0, len(VOLTAGE), bytes.fromhex("91 00010102 0123"))
    assert FRAMING.read(asked(), found.pdu) == b"\x91\x01\x23"


@pytest.mark.parametrize("wakes", range(8))
@pytest.mark.parametrize("noise", [b"", b"\x68", b"\0\xff", b"\x68\x02\x00\x11\x11\x24\x20\x68"])
def test_what_comes_before_is_passed_over(wakes: int, noise: bytes) -> None:
    data = noise + b"\xfe" * wakes + VOLTAGE[4:] + b"\x16"
    found = FRAMING.find(data, asked())
    assert found is not None
    assert data[found.start : found.end] == b"\xfe" * wakes + VOLTAGE[4:], "and no more is noise"


@pytest.mark.parametrize("length", range(len(VOLTAGE)))
def test_half_an_answer_is_none_yet(length: int) -> None:
    assert FRAMING.find(VOLTAGE[:length], asked()) is None


def test_every_other_byte_makes_it_another_or_none() -> None:
    for place in range(4, len(VOLTAGE)):
        for bit in range(8):
            data = bytearray(VOLTAGE)
            data[place] ^= 1 << bit
            assert FRAMING.find(data, asked()) is None, (place, bit)


@pytest.mark.parametrize(
    "other",
    [
        frames.read("202411110003", 0x02010100, 2),
        frames.read("202411110002", 0x02010200, 2),
        frames.read("202411110002", 0x12010100, 2),
        frames.more(asked(), 1),
        frames.whoever(),
    ],
)
def test_it_answers_no_other_question(other: Query) -> None:
    assert FRAMING.find(VOLTAGE, other) is None


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (1, "other error"),
        (2, "no such data"),
        (4, "not allowed"),
        (0x42, "no such data, too many tariffs"),
        (0x80, "error word 80"),
        (0, "error word 00"),
    ],
)
def test_a_refusal_says_why(word: int, says: str) -> None:
    refusal = frame(asked().unit, 0xD1, bytes((word,)))
    found = FRAMING.find(refusal, asked())
    assert found is not None
    with pytest.raises(RequestRefused, match=says) as caught:
        FRAMING.read(asked(), found.pdu)
    assert caught.value.code == word


def test_a_late_refusal_names_nothing_and_so_ends_no_doubt() -> None:
    refusal = frame(asked().unit, 0xD1, b"\2")
    assert FRAMING.find(refusal, asked()) is not None
    assert FRAMING.find_late(refusal, asked()) is None
    assert FRAMING.find_late(VOLTAGE, asked()) is not None


def test_a_part_must_be_the_one_that_was_asked_for() -> None:
    second = frames.more(asked(), 2)
    data = b"\x00\x01\x01\x02" + b"\x99\x88"
    assert FRAMING.find(frame(second.unit, 0x92, data + b"\2"), second) is not None
    assert FRAMING.find(frame(second.unit, 0xB2, data + b"\2"), second) is not None
    assert FRAMING.find(frame(second.unit, 0x92, data + b"\3"), second) is None
    assert FRAMING.find(frame(second.unit, 0x92, data[:4]), second) is None
    assert FRAMING.read(second, b"\x92" + data + b"\2") == b"\x92\x99\x88"


def test_whoever_answers_says_who_it_is_and_means_it() -> None:
    own, other = bytes.fromhex("170000000000"), bytes.fromhex("180000000000")
    found = FRAMING.find(frame(own, 0x93, own), frames.whoever())
    assert found is not None
    assert frames.spelled(FRAMING.read(frames.whoever(), found.pdu)[1:]) == "000000000017"
    assert FRAMING.find(frame(own, 0x93, other), frames.whoever()) is None
    wildcard = b"\xaa" * 6
    assert FRAMING.find(frame(wildcard, 0x93, own), frames.whoever()) is not None
    assert FRAMING.find(frame(wildcard, 0x93, own[:5]), frames.whoever()) is None
    assert FRAMING.find(frame(wildcard, 0x93, wildcard), frames.whoever()) is None


def test_the_size_of_an_answer_is_what_the_simulated_meter_sends() -> None:
    meter = Meter("202411110002", {0x02010100: b"\x01\x23"})
    question = cut(READ_VOLTAGE)
    assert question is not None
    assert meter.answer(*question[1:3]) == VOLTAGE
    assert FRAMING.size(asked()) == len(VOLTAGE)
    assert len(FRAMING.wrap(asked().body)) == len(READ_VOLTAGE)
