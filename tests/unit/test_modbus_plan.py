"""Tags to blocks: worked examples; the properties are in tests/property."""

from __future__ import annotations

import time

from drivers.modbus.config import Settings
from drivers.modbus.plan import Block, block, blocks, spans
from gateway.model import Kind, Tag
from tests.modbus_tags import make


def planned(tags: list[Tag], settings: Settings | None = None) -> list[tuple[str, int, int]]:
    found = blocks(spans(tags), settings or Settings())
    return [(item.function.word, item.start, item.count) for item in found]


def test_neighbours_share_a_request() -> None:
    tags = [make("b", "holding:102", Kind.U32), make("a", "holding:100"), make("c", "holding:101")]
    assert planned(tags) == [("holding", 100, 4)]


def test_a_gap_is_read_over_up_to_the_setting() -> None:
    near = [make("a", "holding:0"), make("b", "holding:17")]
    far = [make("a", "holding:0"), make("b", "holding:18")]
    assert planned(near) == [("holding", 0, 18)]
    assert planned(far) == [("holding", 0, 1), ("holding", 18, 1)]
    assert planned(near, Settings(gap=0)) == [("holding", 0, 1), ("holding", 17, 1)]


def test_gaps_of_bits_cost_as_many_bytes() -> None:
    assert planned([make("a", "coil:0"), make("b", "coil:257")]) == [("coil", 0, 258)]
    assert planned([make("a", "coil:0"), make("b", "coil:258")]) == [
        ("coil", 0, 1),
        ("coil", 258, 1),
    ]


def test_tables_are_never_mixed() -> None:
    tags = [make(word, f"{word}:0") for word in ("input", "coil", "holding", "discrete")]
    assert planned(tags) == [
        ("coil", 0, 1),
        ("discrete", 0, 1),
        ("holding", 0, 1),
        ("input", 0, 1),
    ]


def test_a_value_is_never_split_at_the_limit() -> None:
    tags = [make(f"t{i}", f"holding:{i}") for i in range(124)]
    tags.append(make("wide", "holding:124", Kind.U32))
    assert planned(tags) == [("holding", 0, 124), ("holding", 124, 2)]


def test_a_whole_area_in_as_few_requests_as_it_takes() -> None:
    tags = [make(f"t{i}", f"holding:{i}") for i in range(300)]
    assert planned(tags) == [("holding", 0, 125), ("holding", 125, 125), ("holding", 250, 50)]
    assert len(planned(tags, Settings(max_read=11))) == 28


def test_devices_that_insist_on_even() -> None:
    even = Settings(max_read=80, even=True)
    assert planned([make("a", "input:7")], even) == [("input", 6, 2)]
    assert planned([make("a", "input:6")], even) == [("input", 6, 2)]
    assert planned([make("a", "input:7", Kind.F32)], even) == [("input", 6, 4)]
    assert planned([make("a", "coil:7")], even) == [("coil", 7, 1)]
    assert planned([make("last", "input:65535")], even) == [("input", 65534, 2)]
    odd = Settings(max_read=125, even=True)
    tags = [make(f"t{i}", f"holding:{i}") for i in range(125)]
    assert planned(tags, odd) == [("holding", 0, 124), ("holding", 124, 2)]


def test_a_short_tag_inside_a_long_one_does_not_shorten_the_block() -> None:
    tags = [make("text", "holding:0", Kind.STRING, length=40), make("part", "holding:5")]
    tags.append(make("next", "holding:41"))
    assert planned(tags) == [("holding", 0, 42)]


def test_halves_keep_order_and_bounds() -> None:
    tags = [make("a", "holding:0"), make("b", "holding:10", Kind.U32), make("c", "holding:20")]
    (whole,) = blocks(spans(tags), Settings())
    low, high = whole.halves
    assert (*low, *high) == (0, 1, 2)
    found: list[Block] = [block(spans(tags, part), Settings()) for part in (low, high)]
    assert [(item.start, item.count) for item in found] == [(0, 1), (10, 11)]


def test_thousands_of_tags_are_planned_at_once() -> None:
    tags = [make(f"t{i}", f"coil:{i}") for i in range(10_000)]
    began = time.process_time()
    assert len(planned(tags)) == 5
    assert time.process_time() - began < 1
