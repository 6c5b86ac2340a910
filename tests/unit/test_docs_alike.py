"""What is told in both languages is the same where a machine, or an inspector, looks it up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")


@pytest.mark.parametrize("page", ["profiles", "kpi"])
def test_both_languages_show_the_same(page: str) -> None:
    english, chinese = ((DOCS / f"{page}{of}.md").read_text("utf-8") for of in ("", ".zh"))
    assert BLOCK.findall(chinese) == BLOCK.findall(english)
    assert set(NAME.findall(chinese)) == set(NAME.findall(english)) != set()
    for mark in ("\n## ", "\n### ", "\n- ", "\n| "):
        assert chinese.count(mark) == english.count(mark), mark
