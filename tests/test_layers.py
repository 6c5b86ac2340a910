"""Who may import whom, held true by reading the source; the table of docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Module (or package prefix) -> what of our own it may import. A longer prefix wins.
MAY: dict[str, set[str]] = {
    "gateway.model": set(),
    "gateway.errors": set(),
    "gateway.clock": set(),
    "gateway.words": set(),
    "gateway.driver": {"model", "clock"},
    "gateway.health": {"model"},
    "gateway.syntax": {"errors", "words"},
    "gateway.yaml12": {"errors", "syntax", "words"},
    "gateway.foreign": {"words"},
    "gateway.explain": {"foreign", "words", "yaml12"},
    "gateway.document": {"errors", "explain", "words", "yaml12"},
    "gateway.units": {"explain", "words"},
    "gateway.names": {"explain", "words"},
    "gateway.secret": {"errors", "words"},
    "gateway.files": {"errors", "explain", "secret", "words"},
    "gateway.poller": {"model", "driver", "errors", "clock", "health", "words"},
}


def modules() -> list[Path]:
    return sorted(
        path
        for folder in ("gateway", "drivers", "simulators")
        for path in (ROOT / folder).rglob("*.py")
    )


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_the_right_way(path: Path) -> None:
    name, seen = name_of(path), imports(path)
    own = {item for item in seen if item.split(".")[0] in {"gateway", "drivers", "simulators"}}
    if name.startswith("gateway"):
        assert not {i for i in own if i.startswith(("drivers", "simulators"))}, "arrow reversed"
    if name.startswith("drivers"):
        allowed = (
            "gateway.driver",
            "gateway.model",
            "gateway.errors",
            "gateway.clock",
            "gateway.words",
            "drivers.",
        )
        assert not {i for i in own if i not in {"drivers", "gateway"} and not i.startswith(allowed)}
    allowed_rooms = MAY.get(name)
    if allowed_rooms is not None:
        rooms = {i.split(".")[1] for i in own if i.startswith("gateway.")}
        assert rooms <= allowed_rooms, f"{name} may not import {rooms - allowed_rooms}"
