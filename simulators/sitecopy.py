"""A copy of a site file for a rehearsal: the same site, whose devices are on this machine.

It publishes nothing by itself and keeps its records in a folder of its own, so that nothing
rehearsed is ever taken for what happened. A destination that somebody put into the copy stays there
when it is written anew.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.sitefile.document import examine
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.sitefile.document import Document

MARK = "# A rehearsal of "
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_WORDS = {"true", "false", "null"}


def write(out: Path, site: Document, links: Mapping[str, str]) -> None:
    """Write the copy.

    Args:
        out: where to; what is there is replaced where it is such a copy, too.
        site: the site file.
        links: each device's link → where it is served.

    Raises:
        ConfigError: it would replace another file, lead nowhere, or can't be written.
    """
    if out.exists() and not out.read_text("utf-8", "replace").startswith(MARK):
        what = _("there is another file of this name")
        raise ConfigError([Fault(str(out), 0, 0, "other-file", what, _("choose another name"))])
    if out.parent.resolve() != site.folder.resolve() and (beside := _beside(site)):
        what = _("the site file names others beside it: {files}").format(files=", ".join(beside))
        next_ = _("write the copy into the site file's own folder")
        raise ConfigError([Fault(str(out), 0, 0, "other-folder", what, next_)])
    data = dict(site.data)
    devices = data.get("devices")
    if isinstance(devices, dict):
        data["devices"] = {
            name: {**_open(device), "link": links[device["link"]]}
            for name, device in devices.items()
        }
    data.pop("publish", None)
    if (published := _published(out)) is not None:
        data["publish"] = published
    store = data.get("store")
    kept = {"keep": store["keep"]} if isinstance(store, dict) and "keep" in store else {}
    data["store"] = {"path": f"{out.stem}-store", "size": "256MiB", **kept}
    nowhere = "published nowhere" if published is None else "published as was written here"
    lines = [
        MARK + f"{site.file}: the same site with simulated devices, {nowhere}.",
        *_block(data, ""),
    ]
    try:
        out.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        what = _("can't be written ({error})").format(error=error.strerror or error)
        next_ = _("name a file in a folder that you may write to")
        raise ConfigError([Fault(str(out), 0, 0, "unwritable", what, next_)]) from error


def _published(out: Path) -> object:
    """What the copy that is there says of publishing; None where it says nothing."""
    if not out.exists():
        return None
    document, _faults = examine(out)
    return None if document is None else document.data.get("publish")


def _open(device: dict[str, object]) -> dict[str, object]:
    """A device without its secrets, which nothing here asks for."""
    return {key: value for key, value in device.items() if key not in {"security", "tls"}}


def _beside(site: Document) -> list[str]:
    """Files that the site file names relative to itself."""
    found: list[object] = []
    info = site.get(("site", "extensions"))
    found += info if isinstance(info, list) else []
    tariff = site.get(("tariff",))
    found += [tariff] if isinstance(tariff, str) else []
    devices = site.get(("devices",))
    for device in devices.values() if isinstance(devices, dict) else ():
        template = device.get("template") if isinstance(device, dict) else None
        found += [template] if str(template).startswith("./") else []
    return [str(name) for name in dict.fromkeys(map(str, found)) if not name.startswith("/")]


def _block(mapping: Mapping[str, object], indent: str) -> Iterator[str]:
    """Lines of a mapping: two levels in blocks, deeper ones on a line each, as JSON is YAML."""
    for key, value in mapping.items():
        named = f"{indent}{_key(str(key))}:"
        if isinstance(value, dict) and value and len(indent) < 4:  # noqa: PLR2004 - two levels
            yield named
            yield from _block(value, indent + "  ")
        else:
            yield f"{named} {_spell(value)}"


def _key(key: str) -> str:
    plain = _PLAIN.fullmatch(key) and key.lower() not in _WORDS
    return key if plain else json.dumps(key, ensure_ascii=False)


def _spell(value: object) -> str:
    """A value as YAML 1.2 and JSON both write it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(str(key))}: {_spell(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spell, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"
    return json.dumps(value, ensure_ascii=False)
