"""What a scan keeps: meters found before Ctrl-C, a file it wrote, a site's own templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.commissioning.discovering import discover
from gateway.commissioning.knowledge import gather
from gateway.commissioning.links import Named
from gateway.errors import ConnectionLost
from gateway.exits import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.clock import Clock

URL = "dlt645:///dev/ttyNONE0"
OWN = """\
template: acme/press
name: {zh: 压机, en: Press}
kind: plc
protocols: [modbus+tcp]
confidence: A
sources: [its maker's list of registers]
tags:
  shots: {at: "holding:40", kind: u32, name: {zh: 件数, en: Shots}}
identity:
  signs:
    - {at: "holding:0", kind: u16, equals: [4711]}
"""


class Plugin:
    """Finds two meters; then something ends it."""

    def __init__(self, end: BaseException | None) -> None:
        self._end = end

    async def discover(
        self,
        url: str,
        clock: Clock,
        told: Callable[[str], None],
        met: Callable[[Mapping[str, str]], None],
    ) -> None:
        del url, clock
        told("*17")
        for address in ("000000000017", "000000000117"):
            met({"address": address, "template": "dlt645/single-phase"})
        if self._end is not None:
            raise self._end


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, 0), (KeyboardInterrupt(), INTERRUPTED), (ConnectionLost("unplugged"), FAILED)],
)
def test_meters_found_are_told_however_the_search_ends(
    end: BaseException | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found.yaml"
    assert discover(Named(URL, Plugin(end)), (URL,), out) == code  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert said.out == out.read_text("utf-8")
    assert "meter-000000000017:" in said.out
    assert "meter-000000000117:" in said.out
    assert f"written to {out}" in said.err


def test_a_search_that_finds_nothing_and_fails_is_a_failure() -> None:
    class Lost(Plugin):
        async def discover(self, *_args: object) -> None:
            raise ConnectionLost("unplugged")

    with pytest.raises(ConnectionLost):
        discover(Named(URL, Lost(None)), (URL,), None)  # type: ignore[arg-type]


def test_a_sites_own_templates_are_known_beside_the_shipped_ones(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "press.yaml").write_text(OWN, "utf-8")
    (folder / "broken.yaml").write_text("template: acme/broken\n", "utf-8")
    url = "modbus+tcp://10.0.0.5"
    known = gather(url, tmp_path)
    names = [one.template for one in known.hypotheses]
    assert names[0] == "./templates/press.yaml"
    assert names[1:] == [one.template for one in gather(url).hypotheses]
    assert any("broken.yaml" in str(fault) for fault in known.faults)
