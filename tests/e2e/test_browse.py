"""`nxgate browse` at a server that nobody here wrote, and on an integrator's laptop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from asyncua import ua
from click.testing import CliRunner

from gateway.cli import cli
from gateway.templates import load
from tests.e2e.foreign_opcua import CELL, needs_node_opcua, node_opcua
from tests.e2e.test_laptop import laptop, sound
from tests.opcua_kit import URI, foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.foreign_opcua import NodeOpcua

NODES = 600
"""More than a page of references, so that continuation points are needed."""
MACHINES = ["di", "ia", "machinery", "isa95JobControl", "machineryJobs", "machineTool", "packML"]


@pytest.fixture(scope="module")
def server() -> Iterator[NodeOpcua]:
    with node_opcua(
        nodes=NODES,
        nodesets=MACHINES,
        limits={"maxNodesPerBrowse": 7, "maxNodesPerRead": 40},
        capabilities={"maxBrowseContinuationPoints": 1},
    ) as one:
        yield one


def browse(*words: str) -> tuple[int, list[str], str]:
    done = CliRunner().invoke(cli, ["browse", *words, "--pause", "0"])
    return done.exit_code, done.stdout.splitlines(), done.stderr


@needs_node_opcua
def test_every_node_once_whatever_the_pages(server: NodeOpcua) -> None:
    code, lines, said = browse(server.url, "--path", "Foreign/Many")
    assert (code, said) == (0, "")
    assert [line.split()[0] for line in lines[1:]] == [f"Many{n}" for n in range(NODES)]
    assert lines[-1].split()[1:4] == ["Double", "=", f"{NODES - 1}.5"]


@needs_node_opcua
def test_types_values_units_and_words(server: NodeOpcua) -> None:
    code, lines, _said = browse(server.url, "--path", "Foreign", "--find", "pressure")
    assert code == 0
    assert lines[-1].strip() == (
        f"Pressure  Double = 63.5 bar  (writable)  nsu={CELL};s=Pressure  — Of the hydraulics"
    )
    _code, lines, _said = browse(server.url, "--path", f"/Objects/nsu={CELL};Foreign/Types")
    held = {line.split()[0]: line for line in lines}
    assert "MachineMode = 2 (Automatic)" in held["Mode"]
    assert "Axis[] = [" in held["AxisArray"]
    assert "LocalizedText = 运行" in held["LocalizedText"]
    _code, lines, _said = browse(server.url, "--path", f"nsu={CELL};s=Bad")
    assert any("BadSensorFailure (0x808C0000)" in line for line in lines)


@needs_node_opcua
def test_a_bound_ends_it_and_is_said(server: NodeOpcua) -> None:
    code, lines, said = browse(server.url, "--most", "100")
    assert (code, len(lines)) == (0, 100)
    assert "stopped at 100 nodes" in said


@needs_node_opcua
def test_machines_of_the_foundations_nodesets_are_bound(server: NodeOpcua, tmp_path: Path) -> None:
    out = tmp_path / "site.yaml"
    code, _lines, said = browse(server.url, "--most", "4000", "--out", str(out))
    assert code == 0
    assert "Mill shows itself as OPC 40501 MachineTool: state ← " in said
    assert "Filler shows itself as OPC 30050 PackML: state ← " in said
    text = out.read_text("utf-8")
    number = "s=Mill-Production-ActiveProgram-State-CurrentState-Number"
    assert f'mill_state: {{at: "nsu=urn:foreign:node-opcua;{number}"' in text
    assert "mill:\n    type: cnc\n    bind:\n      state: server-1.mill_state\n" in text
    assert {device.name for device in load(out).devices} == {"server-1"}
    assert CliRunner().invoke(cli, ["check", str(out)]).exit_code == 0


@needs_node_opcua
def test_what_isnt_there_is_said(server: NodeOpcua) -> None:
    code, lines, said = browse(server.url, "--find", "spindel")
    assert (code, lines) == (1, [])
    assert "is called spindel" in said
    code, _lines, said = browse(server.url, "--path", "Foreign/Nowhere")
    assert code == 1
    assert "Foreign has no Nowhere; there are: Namespace, Types" in said
    code, _lines, said = browse(server.url, "--path", "nsu=urn:none;s=x")
    assert "no such namespace" in said


def test_on_a_laptop(tmp_path: Path) -> None:
    there = foreign()
    there.add({"Speed": (1200, ua.VariantType.UInt16)})
    out = tmp_path / "site.yaml"
    shown = sound(laptop("browse", there.url, "--path", "Cell", "--find", "speed", "--out", out))
    assert f"Speed  UInt16 = 1200  (writable)  nsu={URI};s=Speed" in shown
    assert "no faults" in sound(laptop("check", out))
