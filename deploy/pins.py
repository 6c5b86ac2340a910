"""The pinned libraries that a gateway runs on: of `constraints.txt`, without the developers'.

Each pin stands there with its hashes and with who asks for it (`# via …`), as pip-compile writes.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OWN = "nxgate"


def version() -> str:
    """The project's own."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return str(told["project"]["version"])


def pins() -> dict[str, str]:
    """Name → its lines of `constraints.txt`, for each library that a gateway runs on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {_normal(_first(text)) for text in project["dependencies"]}
    blocks = _blocks((ROOT / "constraints.txt").read_text("utf-8"))
    askers = {name: _askers(block) for name, block in blocks.items()}
    found: set[str] = set()
    fresh = {name for name in wanted if name in blocks}
    while fresh:
        found |= fresh
        fresh = {name for name, asking in askers.items() if asking & found} - found
    return {name: blocks[name] for name in sorted(found)}


def pinned(name: str) -> str:
    """The lines of one library, whoever it is for."""
    return _blocks((ROOT / "constraints.txt").read_text("utf-8"))[name]


def requirements() -> str:
    """The same as a file that `pip install --require-hashes -r` takes."""
    return "".join(pins().values())


def _blocks(text: str) -> dict[str, str]:
    """Cut into one block a library: the line that names it, and the indented ones after it."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if line[:1].isalnum():
            name = _normal(_first(line))
        if name and line.strip() and not line.startswith("#"):
            found[name] = found.get(name, "") + line
    return found


def _askers(block: str) -> set[str]:
    """Who asks for it; the project itself asks by `pyproject.toml`, which says for whom."""
    told = re.findall(r"^    #(?: via)? +(\S+)$", block, re.MULTILINE)
    return {_normal(name) for name in told} - {_OWN, "via"}


def _first(text: str) -> str:
    match = _NAME.match(text)
    return match[0] if match else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
