"""Who may import whom, held true by reading the source; the table of docs/architecture.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GATEWAY = ROOT / "gateway"
PACKAGES = ("gateway", "drivers", "simulators", "verifying")

SPINE = {"model", "errors", "clock", "words", "driver"}
MAY: dict[str, set[str]] = {
    # the spine
    "metering": set(),
    "derivation": set(),
    "kpi": {"metering"},
    "model": {"derivation", "kpi"},
    "ids": set(),
    "errors": {"words"},
    "clock": set(),
    "durable": set(),
    "words": set(),
    "naming": {"words"},
    "driver": {"model", "clock"},
    "tree": {"driver"},
    "scaling": set(),
    "tls": {"words"},
    "contract": {"model", "settings"},
    "bucket": {"clock"},
    # settled once, plain data
    "credentials": set(),
    "secret": {"errors", "words"},
    "settings": {"secret"},
    "plant": {"model", "errors", "settings"},
    "plain": set(),
    "difference": {"model", "plant", "plain", "settings"},
    # from a file to a plant
    "sitefile": {"metering", "model", "errors", "words", "credentials", "secret"},
    "config": {"errors", "words", "sitefile"},
    "deriving": {"derivation", "model", "words"},
    "resolution": {
        "derivation",
        "kpi",
        "metering",
        "model",
        "errors",
        "words",
        "driver",
        "secret",
        "settings",
        "sitefile",
        "deriving",
    },
    "templates": {
        "derivation",
        "kpi",
        "model",
        "errors",
        "words",
        "driver",
        "plant",
        "config",
        "resolution",
        "sitefile",
    },
    "sending": {"model", "errors", "words", "plant", "plain", "difference", "templates"},
    "loading": {"model", "errors", "words", "plant", "plain"},
    # the way of a value
    "health": {"model"},
    "recognising": SPINE,
    "links": SPINE | {"recognising"},
    "errand": SPINE,
    "cadence": SPINE,
    "poller": SPINE | {"cadence", "errand", "health", "links", "recognising"},
    "alarms": {"model", "words"},
    "routes": {"derivation", "model", "alarms"},
    "pipeline": {"derivation", "model", "ledger", "alarms", "deriving", "routes", "tap"},
    "meta": {"derivation", "metering", "model", "plant"},
    "figures": {
        "contract",
        "derivation",
        "deriving",
        "errors",
        "kpi",
        "metering",
        "model",
        "plain",
        "settings",
        "words",
    },
    "rollup": {"kpi", "metering", "model", "figures"},
    "ledger": {"errors", "kpi", "model", "figures", "rollup", "words"},
    "timekeeping": {"clock", "words"},
    # another site file
    "sources": set(),
    "reloading": {"errors", "words", "difference", "loading", "plant", "sources"},
    "storage": {"ids", "model", "errors", "clock", "durable", "words"},
    "store": {"ids", "model", "errors", "clock", "words", "storage"},
    "publishers": {
        "ids",
        "secret",
        "model",
        "bucket",
        "contract",
        "durable",
        "errors",
        "clock",
        "words",
        "settings",
        "tls",
        "",
    },
    "itself": {
        "",
        "kpi",
        "model",
        "clock",
        "durable",
        "contract",
        "words",
        "driver",
        "settings",
        "plant",
        "health",
        "ledger",
        "alarms",
        "store",
        "publishers",
    },
    "supervision": {"clock", "words", "store", "publishers"},
    "commands": SPINE
    | {"ids", "bucket", "contract", "durable", "secret", "settings", "plant", "figures"},
    # what people see
    "authoring": {"", "errors", "exits", "words", "resolution", "sitefile"},
    "archive": {
        "durable",
        "ids",
        "model",
        "errors",
        "words",
        "settings",
        "plant",
        "storage",
        "publishers",
        "templates",
        "api",
    },
    "learning": {
        "derivation",
        "model",
        "errors",
        "words",
        "config",
        "sitefile",
        "deriving",
        "templates",
        "tracing",
    },
    "tracing": {
        "kpi",
        "deriving",
        "model",
        "errors",
        "exits",
        "words",
        "naming",
        "ids",
        "settings",
        "plant",
        "figures",
        "ledger",
        "config",
        "resolution",
        "sitefile",
        "templates",
        "publishers",
        "clock",
        "driver",
        "health",
        "links",
        "pipeline",
        "poller",
        "tap",
        "api",
        "archive",
        "storage",
    },
    "inspecting": {"model", "driver", "plant"},
    "proving": SPINE
    | {
        "",
        "api",
        "archive",
        "contract",
        "difference",
        "durable",
        "exits",
        "ids",
        "inspecting",
        "links",
        "plant",
        "publishers",
        "settings",
        "sheets",
        "storage",
        "templates",
    },
    "sheets": {
        "checking",
        "config",
        "durable",
        "errors",
        "exits",
        "resolution",
        "sitefile",
        "words",
    },
    "tap": {"model"},
    "api": set(),
    "exits": {"errors"},
    "checking": {"errors", "exits", "words", "config", "planning", "templates", "resolution"},
    "reading": SPINE
    | {"api", "difference", "inspecting", "links", "plant", "resolution", "templates"},
    "planning": SPINE | {"config", "errors", "exits", "links", "plant", "templates"},
    "commissioning": SPINE
    | {"api", "commands", "exits", "links", "plant", "resolution", "sitefile", "storage"}
    | {"planning", "templates", "tree"},
    "diagnosis": SPINE
    | {"api", "archive", "checking", "itself", "plant", "resolution", "secret", "settings"}
    | {"sitefile", "storage", "templates"},
    "backup": SPINE
    | {"archive", "config", "durable", "plant", "secret", "settings", "storage", "templates"},
    "exposing": {"archive", "diagnosis", "errors", "secret", "words"},
    "initial": {
        "checking",
        "commissioning",
        "durable",
        "errors",
        "exits",
        "resolution",
        "sitefile",
        "words",
    },
    "watch": {"errors", "words", "naming", "api", "diagnosis", "templates"},
    "enter": {"errors", "exits", "words", "api", "plant", "sitefile", "templates"},
    "asking": {"errors", "exits", "words", "api", "templates"},
}
"""Room of `gateway` → the rooms that it may import; a package counts as one room."""

WIRING = {
    "__main__",
    "agent",
    "cli",
    "correction",
    "destinations",
    "heap",
    "records",
    "running",
    "signals",
    "snapshot",
    "transition",
}
"""Rooms that put the others together, and so may import any."""

DRIVERS_MAY = {
    "model",
    "errors",
    "clock",
    "words",
    "driver",
    "scaling",
    "tls",
    "tree",
    "durable",
    "secret",
    "config",
}
SIMULATORS_MAY = {"errors", "model", "words", "sitefile", "resolution", "templates"}
VERIFYING_MAY = {"errors", "words", "secret", "sitefile"}
"""Nothing that encodes: a judge that shares code with the gateway proves little."""


def modules() -> list[Path]:
    return sorted(path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[tuple[str, ...]]:
    """What a module imports of ours, as paths; `from gateway import x` counts as gateway.x."""
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "gateway":
            found |= {("gateway", alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(tuple(node.module.split(".")))
    return {name for name in found if name[0] in PACKAGES}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_the_right_way(path: Path) -> None:
    package, *rest = name_of(path).split(".")
    own = imports(path)
    rooms = {name[1] for name in own if name[0] == "gateway" and len(name) > 1}
    rooms -= {"__version__"}
    if package == "gateway":
        assert {name[0] for name in own} <= {"gateway"}, "an arrow points back"
        room = rest[0] if rest else ""
        if room in MAY:
            assert rooms <= MAY[room] | {room}
    if package == "simulators":
        assert {name[0] for name in own} <= {"gateway", "simulators"}
        assert rooms <= SIMULATORS_MAY
    if package == "verifying":
        assert {name[0] for name in own} <= {"gateway", "verifying"}
        assert rooms <= VERIFYING_MAY
    if package == "drivers":
        assert {name[0] for name in own} <= {"gateway", "drivers"}
        assert rooms <= DRIVERS_MAY
        others = {name[1] for name in own if name[0] == "drivers" and len(name) > 1}
        assert others <= {*rest[:1], "lines"}, "a driver knows the lines, and no other driver"
        assert rest[:1] != ["lines"] or others <= {"lines"}


def test_every_room_is_in_both_tables() -> None:
    """A new room must say what it may import, and what it is for."""
    paths = [
        path
        for path in modules()
        if path.is_relative_to(GATEWAY) and path != GATEWAY / "__init__.py"
    ]
    names = {name_of(path).split(".")[1] for path in paths}
    assert names == MAY.keys() | WIRING
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `gateway/")]
    written = set(re.findall(r"\w+", " ".join(rows)))
    assert names - written <= {"__main__"}


@pytest.mark.parametrize(("folders", "most"), [(PACKAGES, 400), (("tests",), 450)])
def test_no_file_holds_a_second_idea(folders: tuple[str, ...], most: int) -> None:
    """A long file is two: cut it by its ideas (docs/architecture.md), not by its length."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in paths if len(path.read_text("utf-8").splitlines()) > most] == []


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after some imports."""
    code = f"import sys; {code}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def test_the_running_gateway_holds_no_parser() -> None:
    """Memory: a site file is read by a process that ends (gateway/loading.py)."""
    held = loaded(
        "import gateway.__main__, gateway.agent, gateway.publishers.mqtt, drivers.modbus.driver"
    )
    assert not held & {"pydantic", "yaml", "rich", "click", "drivers.modbus.address"}
    assert not {name for name in held if name.startswith(("gateway.sitefile", "gateway.resol"))}
    assert not held & {"http.client", "email.message", "tempfile"}  # paho's, for proxies


def test_a_site_without_a_format_holds_nothing_of_it_and_sparkplug_no_protobuf() -> None:
    held = loaded("import gateway.__main__, gateway.agent, gateway.publishers.mqtt")
    assert not {name for name in held if name.startswith("gateway.publishers.sparkplug")}
    held = loaded("import gateway.publishers.sparkplug.node")
    assert not {name for name in held if name.startswith("google")}


WITHOUT_FIGURES = """
import gateway.__main__, gateway.agent
from zoneinfo import ZoneInfo
from gateway.figures.calendar import Calendar
from gateway.ledger import Ledger
from gateway.model import Asset
from gateway.pipeline import Pipeline
meter = Asset("meter", "l1", "meter", {}, (), None)
ledger = Ledger([meter], Calendar(ZoneInfo("Asia/Shanghai")))
Pipeline(ledger, 60.0).prepare([meter], [], {"meter": "1"})
ledger.restore([], {}, [], [], 0)
assert not ledger.rollups()
assert not ledger.observe("meter", 1, {"power": 1.0}) + ledger.advance(2) + ledger.finish(3)
"""


def test_a_gateway_without_figures_holds_nothing_that_computes_them() -> None:
    """Memory: 1.7 MB; whoever passes values on and computes nothing needs none of it."""
    held = loaded(f"exec({WITHOUT_FIGURES!r})")
    engine = {"account", "book", "reckoning", "journal", "track"}
    assert not held & {f"gateway.figures.{name}" for name in engine}
    assert not held & {"gateway.rollup.rollup", "gateway.rollup.allocation", "gateway.rollup.about"}
    assert not held & {"gateway.deriving", "gateway.deriving.deriver"}


def test_the_process_that_reads_a_site_file_holds_nothing_that_runs_one() -> None:
    """Time: what it imports, every start waits for."""
    held = loaded("import gateway.sending, gateway.templates, drivers.modbus.address")
    assert not held & {"asyncio", "ssl", "pymodbus", "paho", "sqlite3", "click"}


def test_what_plans_for_a_server_holds_nothing_that_speaks_to_one() -> None:
    """Memory and time: asyncua is 29 MB, and comes with the first link that is opened."""
    held = loaded("import drivers.opcua.driver, drivers.opcua.link, drivers.opcua.cost")
    assert not held & {"asyncua", "cryptography"}
    assert "asyncio" not in loaded("import drivers.opcua.address, drivers.opcua.check")
