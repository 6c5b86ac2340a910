"""Whatever an extension sets, N stays what it is, and a refusal names the path."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from gateway.resolution.extension import lay
from gateway.resolution.industry import load_profile
from gateway.sitefile.document import Document, spell
from gateway.sitefile.yaml12 import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sitefile.yaml12 import KeyPath

KEY = r"[^.]+"
X_ONLY = re.compile(
    rf"states\.{KEY}|kpis\.{KEY}|reasons\..*\.of\.{KEY}"
    rf"|types\.{KEY}\.(ideal_cycle|micro_stop|interim|levels(\.{KEY})?|states\.{KEY}|signals\.{KEY})"
    rf"|types\.{KEY}\.(parameters\.{KEY}\.default|signals\.{KEY}\.(low|high))"
)
"""What may differ from factory to factory; of whole entries, those that weren't there."""
SETTINGS = {"low", "high", "default", "ideal_cycle", "micro_stop", "interim"}
"""Single values that a factory may set although the profile has them."""
ODD: tuple[object, ...] = (7, "other", None, [], ["other"], {"other": 7}, True)


@pytest.fixture(scope="module")
def shoes() -> Document:
    industry, faults = load_profile("shoes", Path())
    assert faults == []
    assert industry is not None
    return industry.document


def walk(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path of plain data, one type standing for all."""
    if not isinstance(value, dict):
        return
    for key, below in value.items():
        if path == ("types",) and key != "rotary-injection":
            continue
        yield (*path, key)
        yield from walk(below, (*path, key))


def extension(path: KeyPath, value: object) -> Document:
    data = value
    for key in reversed(path):
        data = {key: data}
    text = yaml.safe_dump({"extends": "shoes", **dict(data or {})}, allow_unicode=True)  # type: ignore[call-overload]
    tree, faults = parse(text, "extra.yaml")
    assert faults == []
    assert tree is not None
    return Document("extra.yaml", tree)


def changed(before: object, after: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Where two values differ, as deep as both are mappings."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {*before, *after}:
            if key not in before or key not in after:
                yield (*path, key)
            else:
                yield from changed(before[key], after[key], (*path, key))
    else:
        yield path


def test_nothing_that_an_extension_sets_changes_n(shoes: Document) -> None:
    refused = 0
    for path, odd in zip(walk(shoes.data), itertools.cycle(ODD), strict=False):
        document = extension(path, odd)
        whole, faults = lay(shoes, [document], "shoes")
        for fault in faults:
            refused += 1
            assert fault.file == "extra.yaml"
            named = fault.what.partition(":")[0]
            assert spell(path).startswith(named) or named == f"{spell(path)}.other"
        for place in changed(shoes.data, whole.data):
            assert not faults
            assert X_ONLY.fullmatch(".".join(map(str, place))), place
            assert shoes.get(place) is None or place[-1] in SETTINGS, place
    assert refused > 500


def test_a_key_that_n_does_not_have_is_no_way_around_it(shoes: Document) -> None:
    for path in list(walk(shoes.data))[::3]:
        whole, faults = lay(shoes, [extension((*path, "added"), {"layer": "N"})], "shoes")
        for place in changed(shoes.data, whole.data):
            assert not faults
            assert X_ONLY.fullmatch(".".join(map(str, place))), place
            assert shoes.get(place) is None or place[-1] in SETTINGS, place


def test_extensions_of_several_files_add_up_and_never_replace(shoes: Document) -> None:
    word = extension(("states", "läuft"), "running")
    again = extension(("states", "läuft"), "idle")
    whole, faults = lay(shoes, [word, again], "shoes")
    assert whole.get(("states", "läuft")) == "running"
    assert [fault.code for fault in faults] == ["not-open"]
