"""Any legal table of tags goes out into a sheet and comes in again; no mangled sheet does harm."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import config
from gateway.cli import cli
from gateway.sitefile.patch import SiteText, Unforeseen, spell
from gateway.sitefile.yaml12 import parse

if TYPE_CHECKING:
    from click.testing import Result

HEAD = """\
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}
devices:
  other: {link: "modbus+tcp://10.0.0.6:502", groups: {slow: 1min}}  # gets them
  plc-1:
    link: modbus+tcp://10.0.0.5:502
    groups: {slow: 1min}
    tags:
"""
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=12
).map(lambda text: " ".join(text.replace("\u3000", " ").replace("\ufeff", "").split()))
ODDITIES = (
    "1E5 00012 'x =1+1 3-4 2026-03-01 TRUE MAR3 1,5 \" a,b;c @x - °C m³/h 0.10 12:30 联通 # ~ null"
    " {a [ 5% ＝ (5) 1/2 +5"
)
ODD = st.sampled_from(ODDITIES.split())
NUMBER = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: float(f"{x:.9g}")),
)


@st.composite
def tag(draw: st.DrawFn) -> dict[str, object]:
    """One tag that a site file may hold."""
    number = draw(st.integers(0, 60000))
    made: dict[str, object] = {
        "at": draw(st.sampled_from([f"holding:{number}", f"4x{number + 1:05d}"])),
        "kind": draw(st.sampled_from(["u16", "i16", "u32", "i32", "f32"])),
    }
    words = st.one_of(TEXT, ODD).filter(bool)
    optional: dict[str, st.SearchStrategy[object]] = {
        "order": st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
        "scale": NUMBER.filter(lambda x: abs(x) > 1e-9),
        "offset": NUMBER,
        "unit": words,
        "name": st.dictionaries(st.sampled_from(["zh", "en"]), words, min_size=1),
        "deadband": NUMBER.map(abs),
        "group": st.just("slow"),
        "low": NUMBER.map(lambda x: -1 - abs(x)),
        "high": NUMBER.map(abs),
        "missing": st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
    }
    for key, strategy in optional.items():
        if draw(st.integers(0, 3)) == 0:
            made[key] = draw(strategy)
    if draw(st.integers(0, 4)) == 0:
        made["write"] = {"min": -5, "max": 0.5, "every": draw(st.sampled_from(["5s", "1.5min"]))}
    return made


TABLES = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), tag(), min_size=1)


def text_of(tags: dict[str, dict[str, object]]) -> str:
    lines = (f"      {name}: {spell(held)}  # {n}\n" for n, (name, held) in enumerate(tags.items()))
    return HEAD + "".join(lines)


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(cli, ["tags", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


@given(TABLES, st.sampled_from(["utf-8", "gb18030", "utf-16", "plain", "semicolons", "xlsx"]))
@settings(max_examples=60, deadline=None)
def test_any_table_comes_back_as_it_was(tags: dict[str, dict[str, object]], how: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site, out = Path(folder, "site.yaml"), Path(folder, "t.xlsx" if how == "xlsx" else "t.csv")
        site.write_text(text_of(tags), "utf-8")
        before, faults = config.read(site)
        assert not faults
        encoding = "gb18030" if how == "gb18030" else "utf-8"
        assert run("export", site, "--out", out, "--encoding", encoding).exit_code == 0
        if how not in {"xlsx", "gb18030", "utf-8"}:
            rows = list(csv.reader(io.StringIO(out.read_bytes().decode("utf-8-sig"), newline="")))
            made = io.StringIO(newline="")
            csv.writer(made, delimiter=";" if how == "semicolons" else ",").writerows(rows)
            out.write_bytes(made.getvalue().encode("utf-16" if how == "utf-16" else "utf-8"))
        done = run("import", site, out, "--clear", "--remove")
        assert "0 added, 0 changed, 0 taken out" in done.output, done.output
        assert site.read_text("utf-8") == text_of(tags)
        assert run("import", site, out, "--to", "other").exit_code == 0
        after, faults = config.read(site)
        assert not faults
        assert after.devices["other"].tags == before.devices["plc-1"].tags
        assert after.devices["plc-1"] == before.devices["plc-1"]


SHEET = """\
device,tag,name_zh,at,kind,scale,low,high,missing,bits
plc-1,a,炉温,holding:1,u16,0.1,0,100,65535,
plc-1,b,产量,4x00012,u32,,,,"1 2",
other,c,,holding:40,bitfield,,,,,0-3
"""


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_mangled_sheet_does_no_harm(data: st.DataObject) -> None:
    text = SHEET.encode(data.draw(st.sampled_from(["utf-8", "utf-16", "gb18030"])))
    with tempfile.TemporaryDirectory() as folder:
        site, sheet = Path(folder, "site.yaml"), Path(folder, "t.csv")
        site.write_text(HEAD + "      a: {at: 'holding:0'} # x\n", "utf-8")
        if data.draw(st.booleans()):
            sheet = Path(folder, "t.xlsx")
            run("export", site, "--out", sheet)
            text = sheet.read_bytes()
        mangled = bytearray(text)
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(0, 2**20)) % len(mangled)
            junk = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b",", b"\n", b"="]))
            mangled[place : place + data.draw(st.integers(0, 3))] = junk
        sheet.write_bytes(mangled)
        before = site.read_bytes()
        done = run("import", site, sheet)
        assert done.exit_code in {0, 2}
        if done.exit_code:
            assert site.read_bytes() == before
        else:
            assert not config.read(site)[1]
        assert not Path(folder, "site.yaml.new").exists()


STYLES = [
    """\
  {d}:
    link: x
    tags:
      # c
      a: {{at: D1, unit: V}} # d
      b:
        at: D2
""",
    """\
  {d}:
    tags:
      a:
        at: D1
        name:
          zh: 一
        missing:
        - 1
      # tail
      b: {{at: D2,
          unit: V}}
    link: x
""",
    "  {d}: {{link: x, tags: {{a: {{at: D1}}, b: {{}}}}}}\n",
    "  {d}:\n    tags: {{}}  # none\n    link: x\n",
    "  {d}:\n    tags:\n\n    link: x # y\n",
    "  {d}:\n    link: x\n",
    "  {d}: {{link: x}}\n",
]
"""Ways to write a device."""


@given(
    st.lists(st.sampled_from(STYLES), min_size=1, max_size=3),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n"]),
)
@settings(max_examples=150, deadline=None)
def test_the_text_says_what_was_asked_for_and_keeps_its_comments(
    styles: list[str], data: st.DataObject, newline: str, end: str
) -> None:
    text = "devices:\n" + "".join(style.format(d=f"d{n}") for n, style in enumerate(styles))
    text = (text.rstrip("\n") + end).replace("\n", newline)
    site = SiteText(text)
    names = st.sampled_from(["a", "b", "new", "n2"])
    values = st.dictionaries(
        st.sampled_from(["at", "unit", "name", "missing", "scale"]),
        st.sampled_from([None, "D9", {"en": "x"}, [1, 2], 0.5, "holding:4"]),
    )
    done = set()
    for _ in range(data.draw(st.integers(0, 6))):
        device, name = f"d{data.draw(st.integers(0, len(styles) - 1))}", data.draw(names)
        if (device, name) in done:
            continue
        done.add((device, name))
        tree, _faults = parse(text, "")
        assert tree is not None
        there = name in (tree.data["devices"][device].get("tags") or {})  # type: ignore[index]
        if there and data.draw(st.integers(0, 3)) == 0:
            site.remove(device, name)
        else:
            site.change(device, name, data.draw(values))
    try:
        made = site.made()
    except Unforeseen as error:
        raise AssertionError(text) from error
    tree, faults = parse(made, "")
    assert not faults
    assert tree is not None
    assert tree.data == site.data
    for comment in ("# c", "# tail", "# none", "# y"):
        assert made.count(comment) == text.count(comment)
