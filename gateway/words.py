"""What the program says to people, in English and in Chinese.

The English text is the key of the catalogue (`locale/zh.json`), as gettext's msgid is; fields are
named and filled with `str.format`. Codes, keys and field names are never translated.
"""

from __future__ import annotations

import gettext
import json
import locale
import os
from pathlib import Path

LANGUAGES = ("en", "zh")

_catalogue: dict[str, str] = {}
_language = ["en"]


def _(message: str) -> str:
    """Return the message in the language chosen; English where it has no translation."""
    return _catalogue.get(message, message)


def choose(lang: str | None = None) -> str:
    """Choose the language, by name or else by the locale, and return it.

    Args:
        lang: `en` or `zh`; None asks LC_ALL, LC_MESSAGES, LANG, then the system.
    """
    if lang is None:
        names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        spoken = next((name for name in names if name), None) or locale.getlocale()[0] or "en"
        lang = "zh" if spoken.lower().startswith(("zh", "chinese")) else "en"
    _language[0] = lang
    _catalogue.clear()
    if lang != "en":
        text = Path(__file__).with_name("locale").joinpath(f"{lang}.json").read_text("utf-8")
        _catalogue.update(json.loads(text))
    return lang


def lend() -> None:
    """Have click, which takes its own words from `gettext`, speak the language chosen.

    To be called before click is imported: it keeps what it finds then.
    """
    if chosen() == "en":
        return
    path = Path(__file__).with_name("locale").joinpath(f"click.{chosen()}.json")
    catalogue: dict[str, str] = json.loads(path.read_text("utf-8"))

    def one(message: str) -> str:
        return catalogue.get(message, message)

    def counted(msgid1: str, msgid2: str, n: int) -> str:
        found = catalogue.get(msgid2) or catalogue.get(msgid1)
        return found or (msgid1 if n == 1 else msgid2)

    gettext.gettext, gettext.ngettext = one, counted


def chosen() -> str:
    """Return the language in use."""
    return _language[0]
