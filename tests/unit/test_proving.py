"""What is held against a display, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from gateway.model import Kind, Tag, Value
from gateway.proving.asking import Answer, Step
from gateway.proving.comparing import NotShown, Result, compare, read
from gateway.proving.proof import Reading, begin, load
from gateway.proving.selection import select
from gateway.proving.signoff import as_sheet
from gateway.proving.walk import walk
from gateway.templates import load as load_site

if TYPE_CHECKING:
    from gateway.proving.proof import Entry

ROOT = Path(__file__).parents[2]
SITE = ROOT / "simulators/scenarios/workshop.site.yaml"
SCHEMA = json.loads((ROOT / "gateway/proving/proof.schema.json").read_text("utf-8"))


def tag(kind: Kind = Kind.U16, **more: object) -> Tag:
    return Tag("plc-1", "a", kind, "D1", None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "shown", "before", "after", "result"),
    [
        (tag(), "184322", 184322, 184322, Result.OK),
        (tag(), "184323", 184322, 184322, Result.DIFFERS),  # a count, or a code, is the same
        (tag(), "184323", 184322, 184324, Result.OK),  # it went on meanwhile
        (tag(), "3", 1, 1, Result.DIFFERS),
        (tag(), "1", 1, 3, Result.MOVING),
        (tag(scale=0.1, unit="V"), "231.4", 231.5, 231.5, Result.OK),  # one rounds, one cuts off
        (tag(scale=0.1, unit="V"), "231.4 V", 231.6, 231.6, Result.DIFFERS),
        (tag(scale=0.1, unit="V"), "231", 231.9, 231.9, Result.OK),  # a display of whole volts
        (tag(scale=0.1, unit="V"), "231,4", 231.4, 231.4, Result.OK),
        (tag(scale=0.1, unit="V"), "23.1", 231.4, 231.4, Result.DIFFERS),  # scale
        (tag(Kind.F32, unit="kWh"), "1,234.56", 1234.561, 1234.561, Result.OK),
        (tag(Kind.F32, unit="kWh"), "1234.56", 1234.58, 1234.58, Result.DIFFERS),
        (tag(Kind.F32, unit="kW"), "5.0", 4.8, 5.03, Result.OK),
        (tag(Kind.F32, unit="kW"), "5.0", 3.0, 7.0, Result.MOVING),
        (tag(Kind.F32, unit="kW"), "−0.5", -0.52, -0.52, Result.OK),
        (tag(Kind.BIT), "on", True, True, Result.OK),
        (tag(Kind.BIT), "关", True, True, Result.DIFFERS),
        (tag(Kind.BIT), "1", False, True, Result.MOVING),
        (tag(Kind.STRING), " A17 ", "A17", "A17", Result.OK),
        (tag(Kind.STRING), "A18", "A17", "A17", Result.DIFFERS),
        (tag(), "1", None, 1, Result.UNREADABLE),
    ],
)
def test_when_a_display_agrees(
    of: Tag, shown: str, before: Value, after: Value, result: Result
) -> None:
    assert compare(of, shown, before, after).result is result


@pytest.mark.parametrize("shown", ["", "abc", "12 kW", "1.2.3", "12,345", "1e5", "0x10", "--1"])
def test_what_no_display_shows(shown: str) -> None:
    with pytest.raises(NotShown):
        read(shown, "V")


def test_difference_and_tolerance_are_said() -> None:
    verdict = compare(tag(Kind.F32), "5.0", 4.8, 5.03)
    assert verdict.difference == pytest.approx(5.0 - 4.915)
    assert verdict.tolerance == pytest.approx(0.115 + 0.1)


def test_what_is_proved_is_what_figures_need() -> None:
    plant = load_site(SITE)
    names = {one.name: one.feeds for one in select(plant, whole=False)}
    assert names["meter-1.energy_import"] == ("injection-1.energy",)
    assert names["plc-last.left"] == ("lasting-1.count_left",)
    assert "plc-inj.setpoint" not in names, "X, and no figure needs it"
    assert "meter-1.voltage_l12" not in names
    whole = select(plant, whole=True)
    assert len(whole) == sum(len(g.tags) for d in plant.devices for g in d.groups)


class Meter:
    """A source whose values are what is put into it."""

    def __init__(self, values: dict[str, list[Value]]) -> None:
        self.values = values

    async def read(self, of: Tag) -> Reading:
        left = self.values.get(of.name, [7])
        value = left.pop(0) if len(left) > 1 else left[0]
        error = "" if value is not None else f"{of.device}: no answer"
        return Reading("2026-11-25T13:00:00+08:00", "holding 1", [7], "0007", value, "good", error)

    async def close(self) -> None:
        pass


class Somebody:
    """Types what it was told to, in order."""

    patient = True

    def __init__(self, *says: Answer | str, keeps: bool = True) -> None:
        self.says = [one if isinstance(one, Answer) else Answer(one) for one in says]
        self.asked: list[str] = []
        self.told: list[str] = []
        self._keeps = keeps

    def ask(self, entry: Entry, turn: str) -> Answer:
        self.asked.append(f"{turn} {entry.tag}")
        return self.says.pop(0) if self.says else Answer(step=Step.QUIT)

    def tell(self, text: str) -> None:
        self.told.append(text)

    def keeps(self, entry: Entry) -> bool:
        del entry
        return self._keeps


def walked(folder: Path, somebody: Somebody, meter: Meter) -> tuple[dict[str, object], Path]:
    plant = load_site(SITE)
    asked = select(plant, whole=False)[:3]
    path = folder / "proof.json"
    proof = load(path) if path.exists() else begin(plant, "0" * 64, "Li", "li@pc", whole=False)
    proof.lay_over(asked)
    with asyncio.Runner() as runner:
        walk(proof, asked, meter, somebody, runner, lambda: proof.save(path))
    proof.save(path)
    made = json.loads(path.read_bytes())
    jsonschema.validate(made, SCHEMA, cls=jsonschema.Draft202012Validator)
    (folder / "proof.xlsx").write_bytes(as_sheet(proof))
    return made, folder / "proof.xlsx"


def test_a_walk_is_broken_off_and_gone_on_with(tmp_path: Path) -> None:
    meter = Meter({"run_state": [1], "indexes": [100], "mounted": [22]})
    first = Somebody("1", Answer(step=Step.NOTE, note="glass broken"), "99", "100")
    first._keeps = False
    made, _sheet = walked(tmp_path, first, meter)
    assert first.asked == [
        "1/3 run_state", "2/3 indexes", "2/3 indexes", "2/3 indexes", "3/3 mounted"
    ]  # fmt: skip
    assert made["result"] == "incomplete"
    tags = made["tags"]
    assert isinstance(tags, list)
    assert [one["result"] for one in tags] == ["ok", "ok", None]
    assert tags[1]["note"] == "glass broken"
    assert tags[1]["raw" if "raw" in tags[1] else "before"]["raw"] == [7]
    again = Somebody("22")
    made, _sheet = walked(tmp_path, again, meter)
    assert again.asked == ["3/3 mounted"]
    assert made["result"] == "passed"


def test_a_step_back_and_what_can_not_be_read(tmp_path: Path) -> None:
    meter = Meter({"run_state": [1], "indexes": [None]})
    somebody = Somebody("1", Answer(step=Step.BACK), "1", "oops", Answer(step=Step.SKIP))
    made, sheet = walked(tmp_path, somebody, meter)
    assert somebody.asked[:3] == ["1/3 run_state", "2/3 indexes", "1/3 run_state"]
    assert any("no answer" in text for text in somebody.told)
    tags = made["tags"]
    assert isinstance(tags, list)
    assert [one["result"] for one in tags] == ["ok", "unreadable", "skipped"]
    assert made["result"] == "failed"
    with zipfile.ZipFile(sheet) as parts:
        page = ET.fromstring(parts.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own
    words = "".join(page.itertext())
    for text in ("验收单 Sign-off sheet", "不通过 failed", "无法读取 unreadable", "签字 Signature"):
        assert text in words


def test_a_tag_that_means_something_else_is_proved_anew(tmp_path: Path) -> None:
    meter = Meter({"run_state": [1], "indexes": [2], "mounted": [3]})
    walked(tmp_path, Somebody("1", "2", "3"), meter)
    path = tmp_path / "proof.json"
    path.write_text(
        path.read_text("utf-8").replace(load(path).tags[1].digest, "0123456789abcdef"), "utf-8"
    )
    again = Somebody("2")
    walked(tmp_path, again, meter)
    assert again.asked == ["2/3 indexes"]


@pytest.mark.parametrize("arguments", [
    ["tags", "export", "site.yaml", "--out", "t.xlsx"],
    ["tags", "import", "site.yaml", "t.csv", "--dry-run"],
    ["prove", "site.yaml", "--shown", "s.csv", "--cut", "0", "--all", "--fresh"],
])  # fmt: skip
def test_a_laptop_without_posix_terminals_will_do(tmp_path: Path, arguments: list[str]) -> None:
    """Modules that Windows lacks can't be imported; asyncio's own use of fcntl is Linux's."""
    (tmp_path / "site.yaml").write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"
        'devices:\n  plc-1:\n    link: "modbus+tcp://127.0.0.1:9"\n'
        '    tags: {a: {at: "input:1", kind: u16}}\n'
    )
    (tmp_path / "t.csv").write_text("device,tag,at,kind\nplc-1,b,holding:2,u16\n")
    (tmp_path / "s.csv").write_text("device,tag,shown\nplc-1,a,5\n")
    code = (
        "import sys, asyncio, subprocess\n"
        "for name in ('termios', 'tty', 'pty', 'fcntl', 'pwd', 'grp', 'uvloop', 'resource'):\n"
        "    sys.modules[name] = None\n"
        "import os\n"
        "del os.O_DIRECTORY\n"
        "from gateway.__main__ import main\n"
        f"sys.argv = ['nxgate', *{arguments!r}]\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == (1 if arguments[0] == "prove" else 0), done.stderr
