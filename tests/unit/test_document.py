"""Reading a YAML file: what it says, where each thing stands, what keeps it from being read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import ConfigError
from gateway.sitefile import yaml12
from gateway.sitefile.document import MAX_BYTES, examine, load, nearest, salvage, spell, validate
from gateway.sitefile.yaml12 import parse, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = """\
# a comment
plant: {name: 一号厂, lines: [a, b]}
devices:
  plc-1:
    unit: 7
    tags:
      - at: D1
      - at: D2
"""


class _Tag(BaseModel):
    model_config = ConfigDict(extra="forbid")
    at: str = Field(examples=["D100"])
    kind: str = "u16"


class _Device(BaseModel):
    model_config = ConfigDict(extra="forbid")
    unit: int = Field(default=1, examples=[1])
    timeout: int = Field(default=1, examples=[5])
    tags: list[_Tag] = Field(default_factory=list)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(TEXT, "utf-8")
    return path


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Read as a user who is not root, since root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def _only(path: Path) -> tuple[str, int, int]:
    document, faults = examine(path)
    assert document is None
    (fault,) = faults
    with pytest.raises(ConfigError):
        load(path)
    return fault.code, fault.line, fault.column


def test_values_keep_their_places(file: Path) -> None:
    document = load(file)
    assert document.where(("plant",)) == (2, 8)  # a flow mapping in its key's line
    assert document.where(("plant",), key=True) == (2, 1)
    assert document.where(("plant", "name")) == (2, 15)
    assert document.where(("plant", "lines", 1)) == (2, 31)  # columns count characters
    assert document.where(("devices", "plc-1")) == (4, 3)  # a block: its key
    assert document.where(("devices", "plc-1", "unit")) == (5, 11)
    assert document.where(("devices", "plc-1", "tags", 1, "at")) == (8, 13)
    assert document.at(("devices", "plc-1", "tags", 1)) == f"{file}:8"


def test_what_is_missing_stands_where_it_is_missed(file: Path) -> None:
    document = load(file)
    assert document.where(("devices", "plc-1", "link")) == (4, 3)
    assert document.where(("nothing", "at", "all")) == (1, 1)
    assert document.get(("devices", "plc-1", "link")) is None
    assert document.get(("devices", "plc-1", "unit", "deeper")) is None


def test_a_fault_names_its_place_and_its_path(file: Path) -> None:
    fault = load(file).fault(("devices", "plc-1", "unit"), "code", "is odd", "write 1")
    assert str(fault) == f"{file}:5:11: devices.plc-1.unit: is odd: write 1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("n", "n"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-10-01", "2026-10-01"),
        ("1.5", 1.5),
        ("-1e3", -1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1.2.3", "1.2.3"),
        ("+", "+"),
        ("9" * 31, "9" * 31),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_and_quotes_make_text() -> None:
    tree, faults = parse("1: a\ntrue: b\n'x': '5'\n", "f")
    assert not faults
    assert tree
    assert tree.data == {"1": "a", "true": "b", "x": "5"}


def test_aliases_repeat_a_value() -> None:
    tree, faults = parse("a: &x {b: 1}\nc: *x\nd: &y 5\ne: [*y, *y]\n", "f")
    assert not faults
    assert tree
    assert tree.data == {"a": {"b": 1}, "c": {"b": 1}, "d": 5, "e": [5, 5]}


def test_byte_order_mark_and_windows_line_ends_are_fine(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    document = load(file)
    assert document.where(("devices", "plc-1", "unit")) == (5, 11)
    assert document.data["plant"] == {"name": "一号厂", "lines": ["a", "b"]}


def test_the_size_is_bounded(file: Path) -> None:
    file.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 5))
    assert load(file).data == {"a": 1}
    file.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 4))
    assert _only(file)[0] == "file-too-large"


def test_the_depth_is_bounded(file: Path) -> None:
    fits = yaml12.MAX_DEPTH - 1
    file.write_text("a: " + "[" * fits + "]" * fits, "utf-8")
    load(file)
    file.write_text("a: " + "[" * 500_000, "utf-8")
    assert _only(file)[0] == "too-deep"


def test_aliases_are_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "MAX_ALIASED", 6)
    file.write_text("a: &a [1, 2]\nb: [*a, *a]\n", "utf-8")  # a list and its two, twice
    load(file)
    file.write_text("a: &a [1, 2]\nb: [*a, *a]\nc: *a\n", "utf-8")
    assert _only(file) == ("alias-bomb", 3, 4)


def test_a_file_of_another_user_is_unreadable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.parent.chmod(0o755)
    file.chmod(0o000)
    monkeypatch.chdir(file.parent)
    with _as_nobody():
        assert _only(Path("site.yaml"))[0] == "unreadable-file"


def test_an_odd_name_is_no_traceback(tmp_path: Path) -> None:
    assert _only(tmp_path / ("n" * 5000))[0] == "unreadable-file"
    assert _only(tmp_path / "a\0b")[0] == "unreadable-file"


def test_bad_bytes_are_counted_from_one(file: Path) -> None:
    file.write_bytes("甲: 1\nb: ".encode() + b"\xff\n")
    document, (fault,) = examine(file)
    assert document is None
    assert (fault.line, fault.column) == (2, 4)
    assert "byte 11 " in fault.what


def test_all_repeated_keys_are_told_and_the_first_holds(file: Path) -> None:
    file.write_text("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n", "utf-8")
    document, faults = examine(file)
    assert document
    assert document.data == {"a": 1, "b": 2, "c": {"d": 1}}
    assert [(f.code, f.line, f.column) for f in faults] == [
        ("duplicate-key", 3, 1),
        ("duplicate-key", 4, 11),
    ]
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert raised.value.faults == faults


def test_a_syntax_error_does_not_hide_what_stood_before_it(file: Path) -> None:
    file.write_text("a: 1\na: 2\nb: [1\n", "utf-8")
    document, faults = examine(file)
    assert document is None
    assert [f.code for f in faults] == ["duplicate-key", "syntax"]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a:\n  b:c\n  d: 1\n", (2, 5), "no space after the colon"),
        ("a:\n  b: 1\n  d:2\n  e: 3\n", (3, 5), "no space after the colon"),
        ("a: 1\nhello\nb: 2\n", (2, 1), "neither a key"),
        ("a: 1}\nb: {c: 1}}\n", (2, 10), "although the value has ended"),
        ("a:\n  b: 1\n  - c\n", (3, 3), "a list item among keys"),
        ("a: - b\n", (1, 4), "a list can't begin behind a key"),
        ("a: *.txt\n", (1, 4), "text that begins with *"),
        ("a: &\n", (1, 4), "text that begins with &"),
        ("a: >5kW\n", (1, 4), "text that begins with >"),
        ("a: !x!y z\n", (1, 4), "text that begins with !"),
        ("a: %\n", (1, 4), "can't begin with %"),
        ("a: [", (1, 5), "before a bracket is closed"),
        ("'a: 1\nb: 2\nc: 'x'\n", (3, 5), "although the value has ended"),
        ("a: {b: 1，c: 2}\n", (1, 9), "full-width"),
        ("\ta: 1\n", (1, 1), "indented with a tab"),
        ("a: {\n\tb: 1 c: 2}\n", (2, 8), "the { of line 1"),
        ("%FOO\n", (1, 5), "not YAML"),
    ],
)
def test_syntax_errors_are_told_in_plain_words(
    text: str, place: tuple[int, int], says: str
) -> None:
    tree, (fault,) = parse(text, "f")
    assert tree is None
    assert says in fault.what
    assert (fault.line, fault.column) == place


def test_tabs_within_brackets_and_after_colons_are_fine() -> None:
    tree, faults = parse("a:\t1\nb: {\n\tc: 1}\n", "f")
    assert not faults
    assert tree
    assert tree.data == {"a": 1, "b": {"c": 1}}


def test_validate_tells_every_fault_at_its_place(file: Path) -> None:
    file.write_text("d:\n  unit: one\n  tmieout: 1\n  tags: [{kind: 5}, 7]\n", "utf-8")
    device, faults = validate(load(file), ("d",), _Device)
    assert device is None
    assert [(f.code, f.line, f.column) for f in faults] == [
        ("wrong-type", 2, 9),
        ("missing-key", 4, 10),
        ("wrong-type", 4, 17),
        ("wrong-type", 4, 21),
        ("unknown-key", 3, 3),
    ]
    assert faults[0].next == "write e.g. unit: 1"
    assert faults[-1].next == "did you mean timeout?"


def test_validate_reads_a_part_of_a_part(file: Path) -> None:
    tag, faults = validate(load(file), ("devices", "plc-1", "tags", 1), _Tag)
    assert tag == _Tag(at="D2")
    assert not faults
    device, faults = validate(load(file), ("devices", "plc-1"), _Device, frozenset({"tags"}))
    assert device == _Device(unit=7)
    assert not faults


def test_salvage_keeps_what_is_right(file: Path) -> None:
    file.write_text("d: {unit: 3, timeout: soon}\n", "utf-8")
    device, faults, bad = salvage(load(file), ("d",), _Device, frozenset())
    assert device == _Device(unit=3)
    assert [f.code for f in faults] == ["wrong-type"]
    assert bad == {"timeout"}
    device, faults, bad = salvage(load(file), ("d",), _Device, frozenset({"timeout"}))
    assert device is None
    assert bad == {"timeout"}


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("timout", ["timeout", "unit"], "timeout"),
        ("PLC_1", ["plc-1", "meter-1"], "plc-1"),
        ("colour", ["link", "unit"], None),
        ("x", [], None),
    ],
)
def test_nearest(word: str, known: list[str], found: str | None) -> None:
    assert nearest(word, known) == found


def test_paths_are_spelled_short_and_safe() -> None:
    assert spell(("publish", "a", "urls", 1)) == "publish.a.urls[1]"
    assert spell(("a\x1b[31m",)) == "a\\x1b[31m"
    assert len(spell(("k" * 1000,))) < 60
