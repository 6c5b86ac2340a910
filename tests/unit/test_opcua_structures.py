"""Structures that asyncua's server makes, flattened to tags."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.model import Device, Kind, Quality
from tests.opcua_kit import Foreign, foreign, make, node_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Batch, Tag, Value

T = ua.VariantType


async def built(server: Foreign) -> None:
    """Types with fields of all sorts, and a node of each."""
    held, index = server.served, server.index
    index_: Any = index
    words: list[Any] = ["Idle", "Running", "Stuck"]
    mood = await new_enum(held, index_, "Mood", words)
    load, _more = await new_struct(
        held,
        index_,
        "Load",
        [new_struct_field("max", T.Double), new_struct_field("note", T.String)],
    )
    await new_struct(
        held,
        index_,
        "Axis",
        [
            new_struct_field("position", T.Float),
            new_struct_field("mood", mood),
            new_struct_field("load", load),
            new_struct_field("raw", T.UInt16, array=True),
            new_struct_field("loads", load, array=True),
            new_struct_field("title", T.LocalizedText),
            new_struct_field("homed", T.Boolean),
        ],
    )
    await new_struct(
        held,
        index_,
        "Maybe",
        [
            new_struct_field("always", T.Int32),
            new_struct_field("left_out", T.Int32, optional=True),
            new_struct_field("there", T.Int64, optional=True),
        ],
    )
    await held.load_data_type_definitions()
    made: Any = ua
    axis = made.Axis(
        position=1.5,
        mood=made.Mood.Running,
        load=made.Load(max=7.25, note="hot"),
        raw=[3, 4, 5],
        loads=[made.Load(max=1.0, note="a"), made.Load(max=2.0, note="b")],
        title=ua.LocalizedText("轴"),
        homed=True,
    )
    maybe = made.Maybe(always=1, left_out=None, there=2**40)
    cell = held.get_node(node_id("Cell", index))
    mode = await cell.add_variable(
        node_id("mode", index), f"{index}:mode", made.Mood.Stuck, datatype=mood.nodeid
    )
    await mode.set_writable()
    state = await cell.add_variable(node_id("state", index), f"{index}:state", 1, T.UInt32)
    words = [ua.LocalizedText(word) for word in ("停", "走")]
    await state.add_property(node_id("state.words", index), "0:EnumStrings", words)
    for name, value in (("axis", axis), ("axes", [axis, axis]), ("maybe", maybe)):
        variant = ua.Variant(value, T.ExtensionObject)
        await cell.add_variable(node_id(name, index), f"{index}:{name}", variant)


def read(tags: Sequence[Tag]) -> tuple[Batch, dict[str, str]]:
    server = foreign()
    if not hasattr(server, "structures"):
        server.do(built(server))
        server.structures = True  # type: ignore[attr-defined]

    async def main() -> tuple[Batch, dict[str, str]]:
        clock = SystemClock()
        link = plugin.link(server.url, clock)
        driver = plugin.driver(link, Device("machine", server.url, 2.0, (), {}), clock)
        plan = driver.prepare(tuple(tags))
        await link.open()
        try:
            return await driver.read(plan), dict(plan.refused)
        finally:
            await link.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("at", "kind", "value"),
    [
        ("axis -> position", Kind.F32, 1.5),
        ("axis -> mood", Kind.I32, 1),
        ("axis -> load.max", Kind.F64, 7.25),
        ("axis -> load.note", Kind.STRING, "hot"),
        ("axis -> raw[2]", Kind.U16, 5),
        ("axis -> loads[1].max", Kind.F64, 2.0),
        ("axis -> title", Kind.STRING, "轴"),
        ("axis -> homed", Kind.BIT, True),
        ("axes -> [1].loads[0].note", Kind.STRING, "a"),
        ("maybe -> always", Kind.I32, 1),
        ("maybe -> there", Kind.I64, 2**40),
    ],
)
def test_a_field_is_a_tag(at: str, kind: Kind, value: Value) -> None:
    batch, refused = read([make("field", f"nsu=urn:maker:cell;s={at}", kind)])
    assert batch.values == (value,), refused


@pytest.mark.parametrize(
    ("at", "kind", "value"),
    [
        ("mode", Kind.STRING, "Stuck"),
        ("mode", Kind.I32, 2),
        ("state", Kind.STRING, "走"),
        ("state", Kind.U32, 1),
    ],
)
def test_a_number_of_an_enumeration_is_its_name_where_the_tag_is_a_text(
    at: str, kind: Kind, value: Value
) -> None:
    batch, refused = read([make("field", f"nsu=urn:maker:cell;s={at}", kind)])
    assert batch.values == (value,), refused


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("axis -> nothing", "no such part"),
        ("axis -> raw[9]", "no such part"),
        ("axis -> load", "structure"),
        ("axis", "name a field"),
        ("maybe -> left_out", "no such part"),
    ],
)
def test_a_field_that_is_not_there_is_one_bad_tag(at: str, said: str) -> None:
    good = make("good", "nsu=urn:maker:cell;s=axis -> position")
    batch, refused = read([make("field", f"nsu=urn:maker:cell;s={at}"), good])
    assert batch.values == (None, 1.5)
    assert batch.quality == (Quality.BAD, Quality.GOOD)
    assert said in refused["field"]
