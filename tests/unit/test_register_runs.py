"""Runs of registers and single ones, as their PLC names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import Modbus
from gateway.driver import AddressError
from gateway.resolution.device_template import load_template
from gateway.resolution.library import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN = Modbus()


def areas(name: str) -> list[Mapping[str, object]]:
    template, _faults = load_template(name, Path())
    assert template is not None
    return [one.model_dump(exclude={"name"}) for one in template.model.areas]


@pytest.mark.parametrize(
    ("template", "text", "run"),
    [
        ("inovance/h5u", "D100-130", ("holding", 100, 130)),
        ("inovance/h5u", "D100-D130", ("holding", 100, 130)),
        ("delta/dvp", "d0-9", ("holding", 4096, 4105)),
        ("siemens/s7-200-smart", "VW100-130", ("holding", 50, 65)),
        ("siemens/s7-200-smart", "VW100-VW100", ("holding", 50, 50)),
        ("inovance/h5u", "holding:0-200", ("holding", 0, 200)),
        ("inovance/h5u", "input:7-7", ("input", 7, 7)),
    ],
)
def test_a_run_is_read(template: str, text: str, run: tuple[str, int, int]) -> None:
    assert PLUGIN.run(text, areas(template)) == run


@pytest.mark.parametrize(
    "text", ["D130-100", "D100-R130", "D100-", "D100", "X0-7", "D99999-100000", "coil:0-9", "", "-"]
)
def test_what_is_no_run_of_registers(text: str) -> None:
    with pytest.raises(AddressError):
        PLUGIN.run(text, areas("inovance/h5u"))


@pytest.mark.parametrize("template", [n for n in TEMPLATES.names() if areas(n)])
def test_a_register_is_spelled_so_that_it_reads_as_itself(template: str) -> None:
    known, own = areas(template), 0
    for table in ("holding", "input"):
        for number in range(0, 65536, 997):
            name = PLUGIN.spell(table, number, known)
            assert PLUGIN.run(f"{name}-{name.rpartition(':')[2]}", known) == (table, number, number)
            own += ":" not in name
    assert own


def test_a_register_without_a_name_of_its_own() -> None:
    assert PLUGIN.spell("input", 3, areas("inovance/h5u")) == "input:3"
    assert PLUGIN.spell("holding", 41, ()) == "holding:41"
