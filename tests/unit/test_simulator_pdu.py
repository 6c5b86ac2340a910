"""The simulators' own Modbus: the specification's bytes, limits, exceptions, any garbage."""

from __future__ import annotations

import struct
from random import Random

import pytest

from simulators import pdu
from simulators.encode import f32, i16, u16, u32_low_first
from simulators.memory import Area, Memory, Table
from simulators.pdu import answer, pack_bits, unpack_bits

# What the specification's examples of functions 1 and 2 (6.1, 6.2) read, first bit first.
COILS = "1011001111010110101"
DISCRETES = "0011010111011011101011"


@pytest.fixture
def memory() -> Memory:
    kept = Memory(
        (
            Area(Table.COIL, 0, 2000, writable=range(2000)),
            Area(Table.DISCRETE, 0, 3000),
            Area(Table.HOLDING, 0, 200, writable=range(10)),
            Area(Table.HOLDING, 65000, 536),
            Area(Table.INPUT, 0, 200),
        )
    )
    kept.put(Table.COIL, 0x13, bytes(map(int, COILS)))
    kept.put(Table.DISCRETE, 0xC4, bytes(map(int, DISCRETES)))
    kept.put(Table.HOLDING, 0x6B, struct.pack(">3H", 0x022B, 0, 0x64))
    kept.put(Table.INPUT, 8, u16(10))
    return kept


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("01 0013 0013", "01 03 CD6B05"),
        ("02 00C4 0016", "02 03 ACDB35"),
        ("03 006B 0003", "03 06 022B00000064"),
        ("04 0008 0001", "04 02 000A"),
        ("05 00AC FF00", "05 00AC FF00"),
        ("06 0001 0003", "06 0001 0003"),
        ("0F 0013 000A 02 CD01", "0F 0013 000A"),
        ("10 0001 0002 04 000A0102", "10 0001 0002"),
    ],
)
def test_the_worked_examples_of_the_specification(
    memory: Memory, request_: str, expected: str
) -> None:
    assert answer(memory, bytes.fromhex(request_)) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("03 0000 0000", 3),  # nothing
        ("03 0000 007E", 3),  # 126
        ("01 0000 07D1", 3),  # 2001
        ("03 0000 00", 3),  # cut short
        ("03 0000 0001 00", 3),  # too long
        ("03", 3),
        ("03 00C8 0001", 2),  # one beyond the area
        ("03 00C7 0002", 2),  # half beyond it
        ("03 FFFF 0002", 2),  # beyond the address space
        ("05 00AC 1234", 3),
        ("05 07D0 FF00", 2),
        ("06 000A 0003", 2),  # exists, but not to be written
        ("10 0009 0002 04 00010002", 2),  # the second is not to be written
        ("10 0000 0002 03 000102", 3),  # the byte count lies
        ("10 0000 0000 00", 3),
        ("10 0000 007C F8" + "00" * 248, 3),  # 124
        ("0F 0000 0009 01 FF", 3),
        ("07", 1),
        ("2B 0E 01 00", 1),
        ("00", 1),
        ("FF 0000 0001", 1),
    ],
)
def test_what_is_refused_and_why(memory: Memory, request_: str, code: int) -> None:
    question = bytes.fromhex(request_)
    assert answer(memory, question) == bytes((question[0] | 0x80, code))


def test_a_table_that_is_not_there_is_an_illegal_function() -> None:
    meter = Memory((Area(Table.HOLDING, 0, 10),))
    assert answer(meter, bytes.fromhex("01 0000 0001")) == b"\x81\x01"
    assert answer(meter, bytes.fromhex("04 0000 0001")) == b"\x84\x01"
    # It takes no writes at all, so it doesn't offer the functions.
    assert answer(meter, bytes.fromhex("06 0000 0001")) == b"\x86\x01"
    assert answer(meter, bytes.fromhex("05 0000 FF00")) == b"\x85\x01"


def test_the_longest_reads(memory: Memory) -> None:
    assert len(answer(memory, bytes.fromhex("03 0000 007D"))) == 2 + 250
    assert len(answer(memory, bytes.fromhex("01 0000 07D0"))) == 2 + 250
    assert answer(memory, bytes.fromhex("03 FFFF 0001"))[:2] == b"\x03\x02"


def test_a_write_is_kept(memory: Memory) -> None:
    answer(memory, bytes.fromhex("10 0001 0002 04 000A0102"))
    assert memory.get(Table.HOLDING, 0, 4) == bytes.fromhex("0000 000A 0102 0000")
    answer(memory, bytes.fromhex("0F 0000 000A 02 CD01"))
    assert memory.get(Table.COIL, 0, 11) == bytes(map(int, "10110011100"))
    answer(memory, bytes.fromhex("05 0000 0000"))
    assert memory.get(Table.COIL, 0, 2) == b"\x00\x00"


def test_a_refused_write_changes_nothing(memory: Memory) -> None:
    answer(memory, bytes.fromhex("10 0009 0002 04 00010002"))
    assert memory.get(Table.HOLDING, 9, 1) == b"\x00\x00"


def test_numbers_as_the_makers_lay_them_out() -> None:
    assert u16(70_000) == bytes.fromhex("1170")
    assert i16(-5) == bytes.fromhex("FFFB")
    assert i16(40_000) == bytes.fromhex("7FFF")
    assert u32_low_first(0x0001_86A0) == bytes.fromhex("86A0 0001")
    assert f32(2301.0) == bytes.fromhex("450F D000")


@pytest.mark.parametrize("count", [1, 7, 8, 9, 2000])
def test_bits_are_packed_low_first(count: int) -> None:
    random = Random(count)
    bits = bytes(random.getrandbits(1) for _ in range(count))
    packed = pack_bits(bits)
    assert len(packed) == (count + 7) // 8
    assert unpack_bits(packed, count) == bits
    assert packed[0] & 1 == bits[0]


def test_putting_where_nothing_is_is_a_mistake_of_ours(memory: Memory) -> None:
    with pytest.raises(LookupError, match="no holding 199"):
        memory.put(Table.HOLDING, 199, bytes(4))


def test_no_request_whatever_breaks_it(memory: Memory) -> None:
    random = Random(20)
    real = [
        bytes.fromhex(text)
        for text in ("01 0013 0013", "03 006B 0003", "0F 0013 000A 02 CD01", "10 0001 0001 02 000A")
    ]
    for number in range(2000):
        if number % 2:
            question = random.randbytes(random.randint(1, 253))
        else:
            broken = bytearray(random.choice(real))
            for _ in range(random.randint(1, 3)):
                broken[random.randrange(len(broken))] = random.randrange(256)
            question = bytes(broken[: random.randint(1, len(broken))])
        got = answer(memory, question)
        assert 2 <= len(got) <= 253
        if got[0] != question[0]:
            assert got[0] == question[0] | 0x80
            assert got[1] in {pdu.ILLEGAL_FUNCTION, pdu.ILLEGAL_ADDRESS, pdu.ILLEGAL_VALUE}
