"""The codes of faults: documented in both languages, and none raised that isn't among them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gateway import words
from gateway.diagnosis.bundle import scrub
from gateway.diagnosis.catalogue import catalogue, remedy
from gateway.diagnosis.doctor import codes, span
from gateway.publishers.causes import Cause

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"(link|port|device|broker|disk|records|answers|tags)-[a-z-]+|no-answer")


@pytest.mark.parametrize(("language", "page"), [("en", "faults.md"), ("zh", "faults.zh.md")])
def test_the_document_has_every_code_as_the_gateway_explains_it(language: str, page: str) -> None:
    before = words.chosen()
    words.choose(language)
    try:
        assert (ROOT / "docs" / page).read_text("utf-8").endswith(codes())
    finally:
        words.choose(before)


@pytest.mark.parametrize("cause", list(Cause))
def test_whatever_keeps_a_broker_away_has_its_code(cause: Cause) -> None:
    assert f"broker-{cause}" in catalogue()


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    raised: dict[str, str] = {}
    for folder in ("gateway", "drivers"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                for text in _codes_of(node):
                    raised[text] = str(path.relative_to(ROOT))
    assert {"link-tls", "port-busy", "no-answer", "disk-refuses"} <= raised.keys()
    assert {code: place for code, place in raised.items() if code not in catalogue()} == {}


def _codes_of(node: ast.AST) -> list[str]:
    """Codes given to an error or a finding, or assigned as a `fault`."""
    found: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "ConnectionLost":
            found += node.args[1:2]
        if node.func.id == "Finding":
            found += node.args[:1]
    if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["fault"]:
        found.append(node.value)
    if isinstance(node, ast.FunctionDef) and node.name == "fault_of":
        found += [one for one in ast.walk(node) if isinstance(one, ast.Constant)]
    values = [one for each in found for one in ast.walk(each)]
    texts = [one.value for one in values if isinstance(one, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and CODE.fullmatch(text)]


def test_a_code_of_another_package_has_something_to_do_too() -> None:
    assert remedy("profinet-odd")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mqtt://gw:hunter2@broker:1883", "mqtt://***@broker:1883"),
        ("password: hunter2 # mine", "password: *** # mine"),
        ("{token: 'hunter2', qos: 1}", "{token: ***, qos: 1}"),
        ('"secret": "hunter2"', '"secret": ***'),
        ("password: {file: /etc/nxgate/pw}", "password: {file: /etc/nxgate/pw}"),
        ("log: the word hunter2 alone", "log: the word *** alone"),
        ("monkey: 7", "monkey: 7"),
    ],
)
def test_what_is_secret_is_taken_out_and_nothing_else(text: str, left: str) -> None:
    assert scrub(text.encode(), [b"hunter2"]).decode() == left


@pytest.mark.parametrize(
    ("ms", "said"), [(-5, "0 s"), (59_999, "59 s"), (3_600_000, "1 h"), (200_000_000, "2 d")]
)
def test_how_long_it_has_been(ms: int, said: str) -> None:
    before = words.chosen()
    words.choose("en")
    try:
        assert span(ms) == said
    finally:
        words.choose(before)
