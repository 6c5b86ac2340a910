"""The guide for service providers says the same in both languages where a machine reads it."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)


def test_both_languages_show_the_same_commands_and_files() -> None:
    english, chinese = (
        BLOCK.findall((DOCS / name).read_text("utf-8"))
        for name in ("profiles.md", "profiles.zh.md")
    )
    assert english
    assert chinese == english
