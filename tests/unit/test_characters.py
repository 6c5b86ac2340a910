"""Where a character of a text stands in the YAML file that holds it."""

from __future__ import annotations

import pytest

from gateway.sitefile.characters import place_of
from gateway.sitefile.document import Document
from gateway.sitefile.yaml12 import parse


def document(text: str) -> Document:
    tree, faults = parse(text, "a.yaml")
    assert faults == []
    assert tree is not None
    return Document("a.yaml", tree)


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  b: one + @two\n",
        "a:\n  b: 'one + @two'\n",
        'a:\n  b: "one + @two"\n',
        "a: {b: 'it''s + @two', c: 1}\n",
        'a: {b: "\\u4e00\\"\\t+ @two", c: 1}\n',
        "a:\n  b: one\n    + @two\n",
        "a:\n  b: 'one\n\n    + @two'\n",
        'a:\n  b: "one \\\n    + @two"\n',
        "a:\n  b: >\n    one\n    + @two\n",
        "a:\n  b: |-\n\n    one\n    + @two\n",
        "# 一\na:\n  b: 一 + @two\n",
        "a:\r\n  b: 'one\r\n    + @two'\r\n",
    ],
)
def test_a_character_is_found_in_every_way_of_writing_a_text(text: str) -> None:
    found = document(text)
    value = found.get(("a", "b"))
    assert isinstance(value, str)
    line, column = found.where(("a", "b"), offset=value.index("@"))
    assert text.split("\n")[line - 1][column - 1 :].startswith("@two")


def test_the_end_of_a_text_is_behind_its_last_character() -> None:
    text = "a: 'one +'\n"
    assert document(text).where(("a",), offset=len("one +")) == (1, len("a: 'one +") + 1)


def test_where_file_and_text_differ_the_place_of_the_text_has_to_do() -> None:
    assert place_of("a: other\n", 1, 4, "one two", 4) == (1, 4)
    anchored = "a: &x one + @two\n"
    assert document(anchored).where(("a",), offset=6) == document(anchored).where(("a",))
