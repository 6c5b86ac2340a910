"""docs/profiles-reference.md names every key, word and rule of the language, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from gateway.resolution.parameter import Parameter
from gateway.resolution.profile import (
    COUNTING,
    PARAMETERS,
    SIGNALS,
    Factor,
    Kpi,
    MachineType,
    Piece,
    Profile,
    Signal,
    SignalKind,
    Window,
)
from gateway.resolution.profile_check import OPENABLE
from gateway.resolution.profile_schema import schema_profile
from gateway.resolution.reasons import Loss, Reason, Results
from gateway.sitefile.state_from import StateFrom

if TYPE_CHECKING:
    from gateway.sitefile.part import Part

PAGE = (Path(__file__).parents[2] / "docs" / "profiles-reference.md").read_text("utf-8")
PARTS: dict[str, type[Part]] = {
    "Profile": Profile,
    "Type": MachineType,
    "Signal": Signal,
    "Piece": Piece,
    "Parameter": Parameter,
    "State from": StateFrom,
    "Reason": Reason,
    "Results": Results,
    "Factor": Factor,
    "KPI": Kpi,
}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def table(text: str, head: str) -> list[str]:
    """The first column of the table whose head begins so."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, head
    return [re.split(r"`", row)[1] for row in found[1].splitlines()]


@pytest.mark.parametrize("title", PARTS)
def test_every_key_of_a_part_is_explained(title: str) -> None:
    fields = PARTS[title].model_fields
    keys = [field.alias or name for name, field in fields.items()]
    assert sorted(table(section(title), "key")) == sorted(keys)


@pytest.mark.parametrize("title", PARTS)
def test_every_key_of_a_part_has_its_description_in_the_schema(title: str) -> None:
    for name, field in PARTS[title].model_fields.items():
        assert field.description, f"{title}.{name}"
        assert field.examples, f"{title}.{name}"


def words(line: str) -> set[str]:
    return set(re.findall(r"`([^` ]+)`", line))


def test_rules_words_and_names_are_those_of_the_language() -> None:
    kind = section("Type")
    assert table(kind, "`counting`") == list(COUNTING)
    for rule, signals in COUNTING.items():
        row = next(line for line in kind.splitlines() if line.startswith(f"| `{rule}`"))
        assert set(signals) <= words(row)
    losses = next(line for line in section("Reason").splitlines() if line.startswith("| `loss`"))
    assert words(losses) - {"loss"} == set(get_args(Loss))
    windows = next(line for line in kind.splitlines() if line.startswith("| `windows`"))
    assert words(windows) - {"windows"} == set(get_args(Window))
    kinds = next(line for line in section("Signal").splitlines() if line.startswith("| `kind`"))
    assert words(kinds) - {"kind"} == {kind.value for kind in SignalKind}
    signals_line = next(line for line in PAGE.splitlines() if line.startswith("Figures are comp"))
    assert words(signals_line) == set(SIGNALS)
    parameters = next(line for line in PAGE.splitlines() if line.startswith("Those that the gate"))
    assert words(parameters) - {"factors"} == set(PARAMETERS)
    opened = next(line for line in PAGE.splitlines() if line.startswith("`states.+`"))
    assert words(opened) == set(OPENABLE)


def test_the_schema_explains_every_key_that_an_editor_completes() -> None:
    for part in schema_profile()["$defs"].values():
        for key, about in part.get("properties", {}).items():
            assert about.get("description"), key
