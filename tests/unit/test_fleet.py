"""Fifty site files from one template and a sheet: each checked, none made of smuggled cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway import words
from gateway.config import read
from gateway.errors import ConfigError, GatewayError
from gateway.sheets.filling import boxes
from gateway.sheets.fleet import sites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPLATE = """\
# one for all presses
site: {cluster: c1, enterprise: '${firm}', site: s1, gateway: "${gateway}", timezone: Asia/Shanghai}
devices:
  press:
    link: modbus+tcp://${address}:502   # the PLC
    unit: ${unit}
    tags:
      shots: {at: "holding:0", kind: u32, name: {zh: "${label}"}}
"""
HEADS = "gateway,firm,address,unit,label\n"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


def made(tmp_path: Path, rows: str, template: str = TEMPLATE, encoding: str = "utf-8") -> Path:
    """Template and sheet in a folder."""
    (tmp_path / "all.yaml").write_text(template, "utf-8")
    (tmp_path / "boxes.csv").write_text(HEADS + rows, encoding)
    return tmp_path


def fill(folder: Path, *, force: bool = False) -> int:
    return sites(folder / "all.yaml", folder / "boxes.csv", folder / "out", force=force)


def complaint(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        fill(folder)
    return str(caught.value)


def test_a_file_for_each_row_with_its_values_and_the_comments(tmp_path: Path) -> None:
    rows = "".join(f"gw-{n:02},shoes-{n},10.0.0.{n},{n},{n}号机\n" for n in range(1, 51))
    folder = made(tmp_path, rows, encoding="gb18030")
    assert fill(folder) == 0
    assert len(list((folder / "out").iterdir())) == 50
    site, faults = read(folder / "out/gw-07.yaml")
    assert not faults
    assert site.site.gateway == "gw-07"
    assert site.site.enterprise == "shoes-7"
    assert site.devices["press"].link == "modbus+tcp://10.0.0.7:502"
    assert site.devices["press"].unit == 7
    label = site.devices["press"].tags["shots"].name
    assert label is not None
    assert label["zh"] == "7号机"
    assert "# the PLC" in (folder / "out/gw-07.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    "cell",
    [
        "x, timezone: Europe/Berlin",
        "x}\ndevices: {evil: 1}",
        'x"}, publish: {a: 1}, b: {c: "',
        "x # gone",
        "*anchor",
        "!!python/object:os.system",
        "true",
        "${gateway}",
        "\\u0000",
    ],
)
def test_what_a_cell_holds_stays_in_its_place(tmp_path: Path, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    folder = made(tmp_path, f"gw-1,firm,10.0.0.1,1,{quoted}\n")
    assert fill(folder) == 0
    site, faults = read(folder / "out/gw-1.yaml")
    assert not faults
    label = site.devices["press"].tags["shots"].name
    assert label is not None
    assert label["zh"] == " ".join(cell.split())
    assert set(site.devices) == {"press"}
    assert not site.publish


def test_one_box_with_a_fault_keeps_no_other_from_being_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, "gw-1,f,10.0.0.1,1,a\ngw-2,f,10.0.0.2,four,b\ngw-3,f,10.0.0.3,3,c\n")
    assert fill(folder) == 2
    said = capsys.readouterr().out
    assert "row 3: " in said
    assert "gw-2.yaml:6:" in said
    assert "2 of 3 site files" in said
    assert {path.name for path in (folder / "out").iterdir()} == {"gw-1.yaml", "gw-3.yaml"}


def test_what_is_there_is_kept_unless_it_is_said(tmp_path: Path) -> None:
    folder = made(tmp_path, "gw-1,f,10.0.0.1,1,a\n")
    assert fill(folder) == 0
    with pytest.raises(GatewayError, match="gw-1"):
        fill(folder)
    assert fill(folder, force=True) == 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "no rows below its heads"),
        ("gw-1,f,,1,a\n", "boxes.csv:2:3: the cell address is empty"),
        ("../x,f,10.0.0.1,1,a\n", "`../x` names no file"),
        (",f,10.0.0.1,1,a\n", "names no file"),
        ("gw-1,f,10.0.0.1,1,a\nGW-1,f,10.0.0.2,2,b\n", "row 2 has the same name"),
    ],
)
def test_a_sheet_that_cannot_be_used(tmp_path: Path, rows: str, said: str) -> None:
    assert said in complaint(made(tmp_path, rows))


def test_a_blank_without_a_column_is_named_with_its_line(tmp_path: Path) -> None:
    template = TEMPLATE.replace("${unit}", "${unitt}")
    text = complaint(made(tmp_path, "gw-1,f,10.0.0.1,1,a\n", template))
    assert "all.yaml:6:1: the sheet has no column unitt: did you mean unit?" in text


def test_a_template_that_is_no_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    text = complaint(made(tmp_path, "gw-1,f,10.0.0.1,1,a\n", TEMPLATE + "x: [\n"))
    assert "all.yaml:" in text


def test_two_columns_of_a_name(tmp_path: Path) -> None:
    folder = made(tmp_path, "gw-1,f,10.0.0.1,1,a\n")
    sheet = folder / "boxes.csv"
    sheet.write_text(sheet.read_text("utf-8").replace("firm,", "unit,"), "utf-8")
    assert "two columns unit" in complaint(folder)


def test_the_file_may_be_named_by_a_column_of_its_own(tmp_path: Path) -> None:
    folder = made(tmp_path, "")
    (folder / "boxes.csv").write_text("file," + HEADS + "hall-1,gw-1,f,10.0.0.1,1,a\n", "utf-8")
    (box,) = boxes(folder / "all.yaml", folder / "boxes.csv")
    assert box.name == "hall-1"
