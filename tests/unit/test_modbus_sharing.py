"""Devices of one model share what their tags come to, and a plan keeps no object per tag."""

from __future__ import annotations

import sys

from drivers.modbus.codec import _reader
from drivers.modbus.config import Settings
from drivers.modbus.convert import conversion
from drivers.modbus.plan import Block, blocks, spans
from drivers.modbus.prepared import PreparedPlan
from gateway.model import Kind
from tests.modbus_tags import make


def test_equal_scales_are_worked_out_once() -> None:
    one, other = (make(name, "holding:1")._replace(scale=0.1) for name in ("a", "b"))
    assert conversion(one) is conversion(other)
    assert conversion(one) is not conversion(other._replace(offset=1.0))


def test_a_second_device_of_a_model_prepares_no_unpacking_of_its_own() -> None:
    def plan() -> None:
        PreparedPlan(tuple(make(f"t{n}", f"holding:{n}") for n in range(300)), Settings())

    plan()
    before = _reader.cache_info().misses
    plan()
    assert _reader.cache_info().misses == before


def test_a_block_keeps_its_tags_as_small_integers() -> None:
    tags = [make(f"t{n}", f"holding:{2 * n}", Kind.F32) for n in range(60)]
    found: list[Block] = blocks(spans(tags), Settings())
    assert sum(sys.getsizeof(block.tags) for block in found) < 10 * len(tags) + 100
