"""Tags of a site file out into a spreadsheet and in again."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from click.testing import CliRunner

from gateway import config
from gateway.cli import cli
from gateway.sheets import standin, table

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]
SITE = """\
# The site of the press shop; keep the comments.
site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}
devices:
  press-1:   # by the door
    link: modbus+tcp://10.0.0.5:502
    template: inovance/h5u
    tags:
      # counts
      shots: {at: D102, kind: u32, name: {zh: 产量}}   # of the die
      oven:
        at: D110      # behind the panel
        kind: i16
        scale: 0.1
        write: {min: 0, max: 200, every: 5s}
  press-2:
    link: modbus+tcp://10.0.0.6:502
    template: inovance/h5u
  meter-1: {link: "modbus+tcp://10.0.0.7:502", template: chint/dtsu666, parameters: {ct_ratio: 40}}
"""
NS = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE, "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["tags", *map(str, arguments)])


def sheet(site: Path, text: str, name: str = "t.csv") -> Path:
    path = site.with_name(name)
    path.write_text(text, "utf-8")
    return path


def take(site: Path, text: str, *options: object) -> Result:
    return run("import", site, sheet(site, text), *options)


@pytest.mark.parametrize("form", ["t.csv", "t.xlsx", "gb.csv"])
@pytest.mark.parametrize("options", [[], ["--all"]], ids=["own", "all"])
def test_a_round_trip_changes_not_a_byte(site: Path, form: str, options: list[str]) -> None:
    out = site.with_name(form)
    encoding = ["--encoding", "gb18030"] if form == "gb.csv" else []
    assert run("export", site, "--out", out, *encoding, *options).exit_code == 0
    for more in [], ["--clear", "--remove"], ["--dry-run"]:
        done = run("import", site, out, *more)
        assert done.exit_code == 0, done.output
        assert "0 added, 0 changed, 0 taken out" in done.output
    assert site.read_bytes() == SITE.encode()
    assert {path.name for path in site.parent.iterdir()} == {"site.yaml", form}


def test_a_foreign_reader_sees_text_as_text(site: Path) -> None:
    """Judged by what the file holds, and not by the library that wrote it."""
    site.write_text(SITE.replace("kind: u32", 'kind: u32, unit: "1E5"'), "utf-8")
    out = site.with_name("t.xlsx")
    run("export", site, "press-1", "--out", out)
    with zipfile.ZipFile(out) as parts:
        page = ET.fromstring(parts.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - it is our own
        styles = ET.fromstring(parts.read("xl/styles.xml"))  # noqa: S314 - it is our own
    cells = {cell.get("r"): cell for cell in page.iterfind(".//s:c", NS)}
    assert cells["E2"].get("t") == cells["L2"].get("t") == "inlineStr", "text is text"
    assert "".join(cells["L2"].itertext()) == "1E5"
    assert cells["J3"].get("t") in {"n", None}, "a scale is a number"
    assert not page.findall(".//s:f", NS), "nothing is a formula"
    formats = [xf.get("numFmtId") for xf in styles.iterfind("s:cellXfs/s:xf", NS)]
    assert formats[int(cells["E2"].get("s", "0"))] == "49", "and stays text when it is edited"
    run("export", site, "press-1", "--out", site.with_name("t.csv"))
    data = site.with_name("t.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["at"] for row in rows] == ["D102", "D110"]
    assert rows[0]["unit"] == '="1E5"', "a spreadsheet makes no number of it"
    assert rows[0]["name_zh"] == "产量"


def test_changes_keep_comments_order_and_other_keys(site: Path) -> None:
    done = take(
        site,
        "设备,点位,地址,类型,倍率,单位,备注\n"
        "press-1,shots,D104,uint32,,pcs,x\n"
        'press-1,oven,,INT16,"0,01",,\n'
        "press-2,shots,D102,u32,,,\n"
        "meter-1,voltage_l12,,,,V,\n",
    )
    assert done.exit_code == 0, done.output
    assert "备注 means nothing here" in done.output
    assert "1 added, 2 changed, 0 taken out, 1 as they were" in done.output, done.output
    text = site.read_text("utf-8")
    assert "shots: {at: D104, kind: u32, name: {zh: 产量}, unit: pcs}   # of the die" in text
    assert (
        "        at: D110      # behind the panel\n        kind: i16\n        scale: 0.01\n" in text
    )
    assert "    tags:\n      shots: {at: D102, kind: u32}\n  meter-1: {link:" in text
    assert [line for line in SITE.splitlines() if "#" in line and "shots" not in line] == [
        line for line in text.splitlines() if "#" in line and "shots" not in line
    ]
    (backup,) = site.parent.glob("site.yaml.*.bak")
    assert backup.read_text("utf-8") == SITE
    assert not config.read(site)[1]


def test_every_row_that_is_wrong_is_told_and_nothing_is_written(site: Path) -> None:
    text = (
        "device,tag,at,kind,scale,bits,group\n"
        "press-1,a,D99999,,,,\n"
        "press-9,b,D1,,,,\n"
        "press-1,C,D1,,,,\n"
        "press-1,d,D1,u18,x,,\n"
        "press-1,e,D1,,,2026-03-01,\n"
        "press-1,f,1E+05,,,,\n"
        "press-1,g,D1,,0,,\n"
        "press-1,h,D1,,,,fast\n"
        "press-1,i,,u16,,,\n"
        "press-1,good,D1,u16,,,\n"
        "press-1,good,D2,u16,,,\n"
    )
    done = take(site, text)
    assert done.exit_code == 2
    places = [line.split(": ")[0].rpartition("t.csv:")[2] for line in done.output.splitlines()[:-1]]
    told = {"3:1", "4:2", "5:4", "5:5", "6:6", "7:3", "8:5", "10:3", "12:2"}
    assert told <= set(places), done.output
    assert site.read_text("utf-8") == SITE
    done = take(site, text, "--partial")
    assert done.exit_code == 1
    assert config.read(site)[0].devices["press-1"].tags.keys() == {"shots", "oven", "good"}
    assert not config.read(site)[1]
    aside = site.with_name("t.rejected.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(aside)))
    assert [row["tag"] for row in rows] == ["a", "b", "C", "d", "e", "f", "g", "h", "i", "good"]
    assert "D99999" in rows[0]["what is wrong 错误"]
    mended = aside.replace("D99999", "D9")
    done = take(site, mended, "--partial")
    assert "means nothing" not in done.output
    assert "a" in config.read(site)[0].devices["press-1"].tags


def test_one_sheet_for_many_devices(site: Path) -> None:
    text = site.read_text("utf-8").replace(
        "  meter-1:", "  press-3:\n    link: modbus+tcp://10.0.0.8:502\n    tags:\n  meter-1:"
    )
    site.write_text(
        text.replace(
            "link: modbus+tcp://10.0.0.8:502",
            "link: modbus+tcp://10.0.0.8:502\n    template: inovance/h5u",
        ),
        "utf-8",
    )
    out = site.with_name("t.csv")
    run("export", site, "press-1", "--out", out)
    done = run("import", site, out, "--to", "press-[23]")
    assert "4 added, 0 changed" in done.output
    devices = config.read(site)[0].devices
    assert devices["press-1"].tags == devices["press-2"].tags == devices["press-3"].tags
    done = take(site, "tag,at\nextra,D5\n", "--to", "press-1, press-3")
    assert done.exit_code == 0, done.output
    assert take(site, "tag,at\nextra,D5\n").exit_code == 2
    assert take(site, "device,tag\npress-1,a\npress-2,b\n", "--to", "press-3").exit_code == 2
    assert "did you mean press-" in take(site, "tag,at\nx,D5\n", "--to", "pres-1").output


def test_empty_cells_and_missing_rows_take_nothing_out_unless_asked(site: Path) -> None:
    text = "device,tag,at,kind,name_zh\npress-1,oven,D110,,\n"
    assert "1 as they were" in take(site, text).output
    assert site.read_text("utf-8") == SITE
    done = take(site, text, "--clear", "--remove")
    assert "0 added, 1 changed, 1 taken out" in done.output
    tags = config.read(site)[0].devices["press-1"].tags
    assert tags.keys() == {"oven"}
    assert tags["oven"].model_fields_set == {"at", "scale", "write"}


def test_a_tag_that_spoils_another_place_is_found(site: Path) -> None:
    site.write_text(
        SITE.replace("Shanghai}", "Shanghai, industry: common}")
        + "assets: {p: {type: machine, ideal_cycle: 2s, bind: {count: press-1.shots}}}\n",
        "utf-8",
    )
    before = site.read_bytes()
    done = take(site, "device,tag,unit,at\npress-1,new,,D7\npress-1,shots,kWh,\n")
    assert done.exit_code == 2
    assert "t.csv:3:2: B3 (tag): " in done.output, done.output
    assert site.read_bytes() == before


def test_what_can_not_be_changed_is_said(site: Path) -> None:
    site.write_text(
        SITE.replace("shots: {", "shots: &one {") + '  press-4: {link: "modbus+tcp://10.0.0.9:502",'
        " template: inovance/h5u, tags: {shots: *one}}\n",
        "utf-8",
    )
    before = site.read_bytes()
    done = take(site, "device,tag,at\npress-4,shots,D5\npress-1,oven,D6\n")
    assert done.exit_code == 2
    assert "write it out" in done.output
    assert site.read_bytes() == before
    assert (
        take(site, "device,tag,at\npress-4,shots,D5\npress-1,oven,D6\n", "--partial").exit_code == 1
    )
    assert site.read_text("utf-8") == before.decode().replace("at: D110 ", "at: D6 ")


def test_a_file_that_changes_meanwhile_is_left_alone(site: Path) -> None:
    with standin.StandIn(site) as found:
        site.write_text(SITE + "# mine\n", "utf-8")
        with pytest.raises(Exception, match="somebody else"):
            found.replace(SITE)
    assert site.read_text("utf-8") == SITE + "# mine\n"
    assert [path.name for path in site.parent.iterdir()] == ["site.yaml"]


def test_line_ends_mark_and_mode_stay(site: Path) -> None:
    site.write_bytes(b"\xef\xbb\xbf" + SITE.replace("\n", "\r\n").encode())
    site.chmod(0o640)
    assert take(site, "device,tag,at\npress-2,a,D5\npress-1,b,D6\n").exit_code == 0
    data = site.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf#")
    assert data.count(b"\n") == data.count(b"\r\n") == SITE.count("\n") + 3
    assert site.stat().st_mode & 0o777 == 0o640


def test_a_sheet_is_not_written_over_another(site: Path) -> None:
    out = sheet(site, "mine")
    assert run("export", site, "--out", out).exit_code == 2
    assert out.read_text() == "mine"
    assert run("export", site, "--out", out, "--force").exit_code == 0
    assert "name it .csv or .xlsx" in run("export", site, "--out", site.with_name("a.ods")).output


def test_workbooks_as_people_make_them(site: Path) -> None:
    book = openpyxl.Workbook()
    page = book.create_sheet(index=0)
    page.append(["点表 2026"])
    page.append([])
    page.append(["设备", "点位", "地址", "类型", "上限"])
    page.append(["press-1", "a", "D5", "u16", 5.0])
    page.append(["press-1", "b", "=1+1", "u16", None])
    path = site.with_name("t.xlsx")
    book.save(path)
    done = run("import", site, path, "--partial")
    assert done.exit_code == 1
    assert config.read(site)[0].devices["press-1"].tags["a"].high == 5
    assert site.with_name("t.rejected.xlsx").exists()


def test_a_sheet_without_an_end_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 3)
    rows = "".join(f"press-1,t{n},D{n}\n" for n in range(4))
    done = take(site, f"device,tag,at\n\n{rows}")
    assert done.exit_code == 2
    assert "t.csv:5:1: the sheet has more than 3 rows" in done.output
