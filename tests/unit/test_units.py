"""Values with units and names with rules: each has one way to be said, and a hint for the rest."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.sitefile import names, units
from gateway.sitefile.explain import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500ms", 0.5),
        ("1s", 1),
        ("1.5s", 1.5),
        ("1 min", 60),
        ("2h", 7200),
        ("30d", 30 * 86400),
        ("3y", 3 * 365 * 86400),
        ("0s", 0),
    ],
)
def test_durations_are_seconds(text: str, value: float) -> None:
    assert units.seconds(text) == value


@pytest.mark.parametrize(
    ("value", "code", "next_"),
    [
        (5, "bare-number", "write 5ms, 5s, 5min, 5h, 5d or 5y"),
        ("5m", "bad-duration", "write 5min for minutes or 5ms for milliseconds"),
        ("5 sec", "bad-duration", "write 5s"),
        ("5S", "bad-duration", "write 5s"),
        ("5分钟", "bad-duration", "write 5min"),
        ("1h30min", "bad-duration", "write a number and its unit"),
        ("-5s", "negative", "write it without the minus sign"),
        (-1, "negative", "write it without the minus sign"),
        (True, "bad-duration", "write a number and its unit"),
        ("٥s", "bad-duration", "write a number and its unit"),
        ("", "bad-duration", "write a number and its unit"),
        ([], "bad-duration", "write a number and its unit"),
    ],
)
def test_other_spellings_of_durations_are_put_right(value: object, code: str, next_: str) -> None:
    with pytest.raises(Wrong) as raised:
        units.seconds(value)
    assert raised.value.code == code
    assert raised.value.next.startswith(next_)


@given(st.integers(0, 999_999_999), st.sampled_from(["ms", "s", "min", "h", "d", "y"]))
def test_every_whole_number_with_a_unit_is_a_duration(number: int, unit: str) -> None:
    one = units.seconds(f"1{unit}")
    assert units.seconds(f"{number}{unit}") == pytest.approx(number * one)


@pytest.mark.parametrize(
    ("text", "value"), [("1KiB", 1024), ("1.5GiB", 3 << 29), ("2 GiB", 2 << 30), ("1TiB", 1 << 40)]
)
def test_sizes_are_bytes(text: str, value: int) -> None:
    assert units.size_bytes(text) == value


@pytest.mark.parametrize(
    ("value", "code", "next_"),
    [
        (2, "bare-number", "write 2MiB, 2GiB or 2TiB"),
        ("2GB", "bad-size", "write 2GiB"),
        ("2g", "bad-size", "write 2GiB"),
        ("-2GiB", "negative", "write it without"),
        ("lots", "bad-size", "write a number and its unit"),
    ],
)
def test_other_spellings_of_sizes_are_put_right(value: object, code: str, next_: str) -> None:
    with pytest.raises(Wrong) as raised:
        units.size_bytes(value)
    assert raised.value.code == code
    assert raised.value.next.startswith(next_)


def test_rates_count_records() -> None:
    assert units.records_per_second("500 records/s") == 500
    assert units.records_per_second("0.5records/s") == 0.5
    for value, code in ((500, "bare-number"), ("500/s", "bad-rate"), ("0 records/s", "bad-rate")):
        with pytest.raises(Wrong) as raised:
            units.records_per_second(value)
        assert raised.value.code == code


def test_times_of_day_are_minutes() -> None:
    assert units.minutes_of_day("00:00") == 0
    assert units.minutes_of_day("08:30") == 510
    assert units.minutes_of_day("24:00") == 1440
    for value in ("8:00", "24:01", "25:00", "12:60", "08:00:00", 480, None):
        with pytest.raises(Wrong):
            units.minutes_of_day(value)


def test_dates_are_days_of_the_calendar() -> None:
    assert units.date("2028-02-29") == dt.date(2028, 2, 29)
    for value in ("2026-02-29", "2026-2-1", "20260201", "2026-02-01T00:00", 20260201):
        with pytest.raises(Wrong):
            units.date(value)


def test_a_text_is_in_chinese_or_english_or_both() -> None:
    assert units.text({"zh": "机", "en": "Machine"}) == {"zh": "机", "en": "Machine"}
    for value in ({}, {"de": "x"}, {"zh": ""}, {"zh": 1}, {"en": "x" * 201}, "机", 5):
        with pytest.raises(Wrong):
            units.text(value)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.level, ["a", "plant-1", "3m"], ["", "A", "a_b", "-a", "a/b", "a+", "厂", "a" * 65]),
        (names.name, ["a", "plc_1-b"], ["", "_gw", "A", "a.b", "a#", "a b"]),
        (names.tag_name, ["a", "run_state", "l1"], ["", "1a", "a-b", "_a", "A"]),
        (names.client_id, ["gw-01", "A.b:c_d"], ["", "a b", "a/b", "厂", "a" * 129]),
        (names.reference, ["plc-1.shots"], ["shots", "plc-1.", ".a", "a.b.c", "a/b"]),
        (
            names.template_name,
            ["inovance/h5u", "./my/press.yaml"],
            ["h5u", "/etc/passwd", "../x/y", "./../x.yaml", "a/b/c", "a/../b", "./x"],
        ),
    ],
)
def test_names(check: Callable[[str], str], good: list[str], bad: list[str]) -> None:
    for name in good:
        assert check(name) == name
    for name in bad:
        with pytest.raises(Wrong):
            check(name)


@given(st.text(max_size=80))
def test_whatever_name_is_suggested_is_a_good_one(text: str) -> None:
    for check in (names.level, names.name, names.tag_name):
        try:
            check(text)
        except Wrong as wrong:
            if "e.g." in wrong.next:
                check(wrong.next.rpartition("e.g. ")[2])


@pytest.mark.parametrize(
    "kind",
    [
        units.Duration,
        units.Size,
        units.Rate,
        units.Clock,
        units.Day,
        names.Level,
        names.Name,
        names.TagName,
        names.Reference,
        names.TemplateName,
    ],
)
@given(text=st.text(max_size=12) | st.from_regex(r"[0-9a-z:. _/-]{0,12}", fullmatch=True))
def test_the_schema_takes_what_the_validator_takes(kind: Any, text: str) -> None:  # noqa: ANN401
    adapter = TypeAdapter(kind)
    pattern = str(adapter.json_schema()["pattern"])
    try:
        adapter.validate_python(text)
    except ValidationError:
        return
    assert re.search(pattern, text)
