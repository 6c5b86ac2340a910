"""What `run` understands by itself, and what it leaves to click."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.running import Wanted, understand


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("run site.yaml", Wanted(Path("site.yaml"))),
        ("run site.yaml --verbose", Wanted(Path("site.yaml"), verbose=True)),
        ("run --trust-clock site.yaml", Wanted(Path("site.yaml"), trust_clock=True)),
        ("run --verbose --trust-clock s", Wanted(Path("s"), verbose=True, trust_clock=True)),
    ],
)
def test_a_path_and_known_flags_are_understood(line: str, wanted: Wanted) -> None:
    assert understand(line.split()) == wanted


@pytest.mark.parametrize(
    "line",
    [
        "",
        "run",
        "run --help",
        "run a b",
        "run a --verbos",
        "run -- a",
        "run a --verbose=1",
        "check a",
        "--version",
    ],
)
def test_all_else_is_left_to_click(line: str) -> None:
    assert understand(line.split()) is None
