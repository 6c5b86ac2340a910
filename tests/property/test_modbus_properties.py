"""What must hold of every group of tags, every device and every byte on the wire."""

from __future__ import annotations

import asyncio
import math
import struct
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus import plugin
from drivers.modbus.client import TcpLink
from drivers.modbus.codec import bits_decoder, registers_decoder, width
from drivers.modbus.config import Settings
from drivers.modbus.plan import blocks, spans, worth
from drivers.modbus.poll import PROBES, Poll
from drivers.modbus.prepared import PreparedPlan
from drivers.modbus.queries import query
from drivers.modbus.register import Function, Register, register_of
from gateway.clock import ManualClock
from gateway.driver import AddressError
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.model import Kind, Order, Quality, Tag, Value
from tests.modbus_peer import Peer, Request
from tests.modbus_tags import make
from tests.modbus_wire import arrange, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.modbus.plan import Block, Span

orders = st.sampled_from(list(Order))
whole = {
    Kind.U16: (0, 2**16 - 1),
    Kind.I16: (-(2**15), 2**15 - 1),
    Kind.U32: (0, 2**32 - 1),
    Kind.I32: (-(2**31), 2**31 - 1),
    Kind.U64: (0, 2**64 - 1),
    Kind.I64: (-(2**63), 2**63 - 1),
}
text = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x9FFF, exclude_categories=["Cs", "Cc"]),
    max_size=20,
).map(str.strip)

Piece = tuple[Tag, Value, bytes]
"""A tag at address 0, the value it must give, and the registers that hold it."""


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """A tag of any kind and order that a register can hold, and what it then reads."""
    order = draw(orders)
    kind = draw(st.sampled_from([*whole, Kind.F32, Kind.F64, Kind.BCD, Kind.STRING, Kind.BITFIELD]))
    value: Value
    if kind in whole:
        value = draw(st.integers(*whole[kind]))
        return make("t", "holding:0", kind, order), value, encode(kind, order, value)
    if kind in {Kind.F32, Kind.F64}:
        value = draw(st.floats(width=32 if kind is Kind.F32 else 64))
        wanted = value if math.isfinite(value) else None
        return make("t", "holding:0", kind, order), wanted, encode(kind, order, value)
    if kind is Kind.BCD:
        length = draw(st.sampled_from([1, 2, 4]))
        value = draw(st.integers(0, 10 ** (4 * length) - 1))
        return (
            make("t", "holding:0", kind, order, length=length),
            value,
            encode(kind, order, value, length),
        )
    if kind is Kind.STRING:
        value = draw(text)
        length = (len(value.encode()) + 1) // 2 + draw(st.integers(0, 3)) or 1
        return (
            make("t", "holding:0", kind, order, length=length),
            value,
            encode(kind, order, value, length),
        )
    low = draw(st.integers(0, 15))
    high = draw(st.integers(low, 15))
    word = draw(st.integers(0, 0xFFFF))
    binary = f"{word:016b}"
    field = int(binary[15 - high : 16 - low], 2)
    raw = arrange(struct.pack(">H", word), order)
    return make("t", "holding:0", kind, order, bits=(low, high)), field, raw


@given(st.lists(st.tuples(pieces(), st.binary(max_size=3)), min_size=1, max_size=12), st.randoms())
def test_every_value_comes_back_wherever_it_lies(
    parts: list[tuple[Piece, bytes]], random: Callable[[], float]
) -> None:
    """Any kinds and orders in one block, gaps full of noise, tags in any order, some twice."""
    data = b""
    placed: list[tuple[Tag, int, Value]] = []
    for (tag, value, raw), noise in parts:
        data += noise[: len(noise) // 2 * 2]
        placed.append((tag, len(data) // 2, value))
        data += raw
    placed.append(placed[0])
    random.shuffle(placed)  # type: ignore[attr-defined]
    decode = registers_decoder(
        [tag for tag, *_ in placed], [offset for _, offset, _ in placed], len(data) // 2
    )
    out: list[Value] = []
    good = decode(data, out)
    wanted = [value for *_, value in placed]
    assert out == wanted
    assert [type(value) for value in out] == [type(value) for value in wanted]
    assert good is (None not in wanted)


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.data())
def test_every_bit_comes_back(pattern: list[bool], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(pattern) - 1), min_size=1))
    packed = bytes(
        sum(bit << place for place, bit in enumerate(pattern[at : at + 8]))
        for at in range(0, len(pattern), 8)
    )
    out: list[Value] = []
    assert bits_decoder(places, len(pattern))(packed, out)
    assert out == [pattern[place] for place in places]


@given(st.integers(0, 0xFFFF), st.integers(1, 9999), st.integers(0, 4), st.integers(-9999, 9999))
def test_a_scaled_value_is_the_nearest_float(
    raw: int, mantissa: int, places: int, off: int
) -> None:
    """As exact as a float can be: the same as dividing whole numbers once."""
    scale, offset = mantissa / 10**places, off / 10**places
    out: list[Value] = []
    tag = make("t", "holding:0", scale=scale, offset=offset)
    registers_decoder([tag], [0], 1)(struct.pack(">H", raw), out)
    assert out == [(raw * mantissa + off) / 10**places]


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[Tag], Settings]:
    """Tags of all tables and widths, crowded so that they touch and overlap, and some device."""
    even = draw(st.booleans())
    limits = Settings(
        max_read=draw(st.integers(8, 125)),
        max_bits=draw(st.integers(1, 2000)),
        gap=draw(st.integers(0, 40)),
        even=even,
    )
    tags = []
    for index in range(draw(st.integers(1, 40))):
        function = draw(st.sampled_from(Function))
        address = draw(st.one_of(st.integers(0, 300), st.integers(65_400, 65_535)))
        kind, length = Kind.BIT, 1
        if not function.is_bits:
            kind = draw(st.sampled_from([Kind.U16, Kind.F32, Kind.I64, Kind.STRING]))
            length = draw(st.integers(1, 8)) if kind is Kind.STRING else 1
        tag = make(f"t{index}", f"{function.word}:{address}", kind, length=length)
        options = {"max_read": limits.max_read, "max_bits": limits.max_bits, "even": even}
        with suppress(AddressError):  # beyond the address space, or wider than one answer
            plugin.check_tag(tag, options)
            tags.append(tag)
    return tags, limits


@given(groups())
def test_a_plan_covers_each_tag_once_within_the_limits(group: tuple[list[Tag], Settings]) -> None:
    tags, limits = group
    found = blocks(spans(tags), limits)
    served = [index for block in found for index in block.tags]
    assert sorted(served) == list(range(len(tags)))
    assert len(found) <= len(tags)
    for block in found:
        limit = limits.max_bits if block.function.is_bits else limits.max_read
        assert 1 <= block.count <= limit
        assert block.start >= 0
        assert block.start + block.count <= 65_536
        if limits.even and not block.function.is_bits:
            assert block.start % 2 == block.count % 2 == 0
        for index in block.tags:
            register = register_of(tags[index])
            assert register.function is block.function
            assert block.start <= register.address
            assert register.address + width(tags[index]) <= block.start + block.count


@given(groups())
def test_no_two_requests_could_have_been_one(group: tuple[list[Tag], Settings]) -> None:
    tags, limits = group
    found = blocks(spans(tags), limits)
    for one, other in pairwise(found):
        if one.function is not other.function:
            continue
        gap = limits.gap * (16 if one.function.is_bits else 1)
        limit = limits.max_bits if one.function.is_bits else limits.max_read
        end = max(span.end for span in spans(tags, one.tags))
        first = spans(tags, other.tags)[0]
        start, reach = limits.widen(one.function, one.start, max(end, first.end))
        assert first.start - end > gap or reach - start > limit


LINKS = [
    f"modbus+{kind}:///dev/x?baud={baud}&turnaround={turn}"
    for kind in ("rtu", "ascii")
    for baud in (1200, 9600, 115_200)
    for turn in ("0ms", "10ms", "100ms")
]


@given(groups(), st.sampled_from(["modbus+tcp://h", "modbus+rtuovertcp://h:1", *LINKS]))
def test_a_plan_never_costs_more_than_single_reads(
    group: tuple[list[Tag], Settings], url: str
) -> None:
    tags, limits = group
    link = plugin.link(url, ManualClock())
    cost = link.cost  # type: ignore[attr-defined]
    fitting = worth(limits, cost)
    assert fitting.gap <= limits.gap

    def taken_s(found: list[Block]) -> float:
        asked = (query(one.function, one.start, one.count, 1) for one in found)
        return math.fsum(cost(one)[2] for one in asked)

    together = taken_s(blocks(spans(tags), fitting))
    alone = sum(taken_s(blocks(spans(tags, [index]), fitting)) for index in range(len(tags)))
    assert together <= alone + 1e-9


@given(groups(), st.data())
def test_refused_addresses_are_found_in_logarithmic_time(
    group: tuple[list[Tag], Settings], data: st.DataObject
) -> None:
    """K of n tags: no more refusals than k paths through a tree of halves."""
    tags, limits = group
    plan = PreparedPlan(tuple(tags), limits)
    bad = data.draw(st.sets(st.sampled_from(range(len(tags))), max_size=6)) if tags else set()
    holes = {(span.function, span.start) for span in spans(tags, sorted(bad))}
    at = {(span.function, cell) for span in spans(tags) for cell in range(span.start, span.end)}
    hit = {
        span.tag
        for span in spans(tags)
        if any((span.function, cell) in holes for cell in asked_alone(limits, span))
    }
    refusals = 0
    for _turn in range(60):
        _values, _quality, asked, refused = poll_counted(plan, holes)
        refusals += refused
        if not refused:
            break
    assert holes <= at
    assert refusals <= len(hit) * (math.ceil(math.log2(max(len(tags), 2))) + 1)
    assert asked == len(plan.reads)


def asked_alone(limits: Settings, span: Span) -> range:
    return widened(limits, span.function, range(span.start, span.end))


@given(groups(), st.sets(st.tuples(st.sampled_from(Function), st.integers(0, 300)), max_size=12))
def test_refusals_end_with_the_tags_they_are_about(
    group: tuple[list[Tag], Settings], holes: set[tuple[Function, int]]
) -> None:
    """Never a wrong value, never an unbounded poll, and soon all that can be read is read."""
    tags, limits = group
    plan = PreparedPlan(tuple(tags), limits)
    cells = {span.tag: range(span.start, span.end) for span in spans(tags)}
    functions = [span.function for span in spans(tags)]
    bad = {
        index
        for index, cell in cells.items()
        if any((functions[index], at) in holes for at in widened(limits, functions[index], cell))
    }
    wanted = [value_at(tag) for tag in tags]
    for _ in range(60):
        planned = len(plan.reads)
        values, quality, asked = poll(plan, holes)
        assert asked <= planned + 2 * PROBES
        assert all(value in (None, want) for value, want in zip(values, wanted, strict=True))
        settled = [want if index not in bad else None for index, want in enumerate(wanted)]
        if list(values) == settled and asked == len(plan.reads):
            break
    assert list(values) == settled
    assert set(plan.refused) == {tags[index].name for index in bad}
    grades = [Quality.BAD if value is None else Quality.GOOD for value in values]
    assert quality == (tuple(grades) if bad else None)
    plan.retry()
    values, quality, asked = poll(plan, set())
    assert (list(values), quality) == (wanted, None)


def widened(limits: Settings, function: Function, cell: range) -> range:
    """What has to be asked for to get at a tag alone."""
    return range(*limits.widen(function, cell.start, cell.stop))


def memory(function: Function, start: int, count: int) -> bytes:
    """A device in which each register tells where it is, and is text and a number at once."""
    if function.is_bits:
        bits = sum((at % 3 == 0) << place for place, at in enumerate(range(start, start + count)))
        return bits.to_bytes((count + 7) // 8, "little")
    side = 0x30
    words = (
        ((0x41 + at // side % side) << 8) + 0x30 + at % side for at in range(start, start + count)
    )
    return struct.pack(f">{count}H", *words)


def value_at(tag: Tag) -> Value:
    """What a tag reads from that memory when it is asked for alone."""
    register = register_of(tag)
    if register.function.is_bits:
        return register.address % 3 == 0
    out: list[Value] = []
    data = memory(register.function, register.address, width(tag))
    registers_decoder([tag], [0], width(tag))(data, out)
    return out[0]


def poll(
    plan: PreparedPlan, holes: set[tuple[Function, int]]
) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None, int]:
    """One poll of that memory, holes refused."""
    return poll_counted(plan, holes)[:3]


def poll_counted(
    plan: PreparedPlan, holes: set[tuple[Function, int]]
) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None, int, int]:
    """The same, and how many requests were refused."""
    under_way, asked, refused = Poll(plan), 0, 0
    while under_way.todo:
        read = under_way.todo.pop()
        block, asked = read.block, asked + 1
        if any((block.function, block.start + at) in holes for at in range(block.count)):
            refused += 1
            under_way.refused(read, RequestRefused("no", 2), "unit 1")
        else:
            under_way.answered(read, memory(block.function, block.start, block.count))
    values, quality = under_way.finish(1)
    return values, quality, asked, refused


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8), st.integers(1, 255), st.sampled_from(["flip", "drop", "add"]))
def test_a_damaged_header_never_gives_a_value(place: int, flip: int, how: str) -> None:
    """Whatever happens to the nine bytes by which an answer is known, the data isn't taken."""

    async def run() -> None:
        async with Peer() as peer:

            def damaged(request: Request) -> bytes:
                answer = peer.correct(request)
                if how == "drop":
                    return answer[:place] + answer[place + 1 :]
                middle = bytes((answer[place] ^ flip,))
                return answer[:place] + middle + answer[place + (how == "flip") :]

            peer.put(3, 0, b"\xa5\x5a" * 4)
            link = TcpLink(peer.url, ManualClock())
            await link.open()
            peer.answer = damaged
            ask = query(Function.HOLDING, 0, 4, 1)
            data = None
            with suppress(ConnectionLost, RequestTimeout, RequestRefused, DecodeError):
                data, *_times = await link.ask(ask, 0.01)
            assert data is None
            peer.answer = peer.correct
            while data is None:
                await link.open()
                with suppress(ConnectionLost):
                    data, *_times = await link.ask(ask, 5)
            assert data == b"\xa5\x5a" * 4
            await link.close()

    asyncio.run(run())


@given(st.text(max_size=12))
def test_no_text_breaks_the_grammar(at: str) -> None:
    areas = [{"area": "D", "function": "holding", "at": 0, "last": 9, "kind": "u16"}]
    with suppress(AddressError):
        register = plugin.address(at, areas).register
        assert isinstance(register, tuple)
        assert 0 <= Register(*register).address <= 65_535


@given(st.sampled_from(Function), st.integers(0, 65_535))
def test_both_ways_of_counting_meet(function: Function, address: int) -> None:
    from_0 = plugin.address(f"{function.word}:{address}", ())
    from_1 = plugin.address(f"{function.leader}x{address + 1:05d}", ())
    assert from_0 == from_1
    assert from_0.register == Register(function, address)
