"""A home-grown platform's words by a mapping file, from the file to the broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.checking import examine
from gateway.config import read
from gateway.resolution import settle
from tests.e2e.dialect_rig import T0, all_drafts, bodies, settings, speaking
from tests.e2e.mosquitto import Mosquitto, Subscriber

if TYPE_CHECKING:
    from gateway.settings import Mapped

SITE = """\
site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}
publish:
  own: {kind: mqtt, url: "mqtt://127.0.0.1:1883", format: mapping, mapping: platform.yaml}
"""
MAPPING = """\
messages:
  - topic: factory/{site}/{asset}/data
    each: row
    time: local
    body: {code: "{asset}", at: "{time}", what: "{class} of {line}", params: "{list}"}
    value: {k: "{name}", v: "{value}"}
  - of: [state, alarm]
    assets: ["pre*"]
    topic: factory/{asset}/{name}
    each: value
    time: s
    body: ["{time}", "{value}"]
  - of: [oee]
    topic: factory/figures
    each: record
    time: iso
    body: {id: "{id}", late: "{hist}", rows: "{rows}"}
    row: {t: "{time}", d: "{values}"}
  - assets: ["other-*"]
    topic: nobody
    body: "{values}"
fields:
  spindle_kw: {as: power_w, times: 1000}
  good: {drop: true}
"""


def mapped(folder: Path) -> Mapped:
    (folder / "platform.yaml").write_text(MAPPING, "utf-8")
    path = folder / "site.yaml"
    path.write_text(SITE, "utf-8")
    site, faults = read(path)
    assert not faults
    mapping = settle.publishers(site)["own"].mapping
    assert mapping is not None
    return mapping


def test_a_mapping_file_says_topics_json_names_and_units(tmp_path: Path) -> None:
    mapping = mapped(tmp_path)

    async def main(broker: Mosquitto, own: Subscriber) -> None:
        publish = settings(broker.port, "mapping", tmp_path, mapping=mapping)
        async with speaking(tmp_path, publish) as rig:
            await rig.connected()
            await rig.delivered(rig.make(*all_drafts()))
        assert bodies(own, "factory/s1/press-1/data") == [
            {
                "code": "press-1",
                "at": "2026-09-21T22:13:20.200+08:00",
                "what": "telemetry of l1",
                "params": [{"k": "power_w", "v": 7310.0}],
            },
            {
                "code": "press-1",
                "at": "2026-09-21T22:13:20.700+08:00",
                "what": "telemetry of l1",
                "params": [{"k": "power_w", "v": 7400.0}],
            },
        ]
        assert bodies(own, "factory/press-1/machine_state") == [[T0 // 1000, "fault"]]
        assert bodies(own, "factory/press-1/alarm_overtemp")[0][1] is True
        (figures,) = bodies(own, "factory/figures")
        assert figures["id"].startswith("gw-01:")
        assert figures["rows"][0]["t"] == "2026-09-21T14:13:20.000+00:00"
        assert figures["rows"][0]["d"]["oee_hour_count_good"] == 1180
        assert not bodies(own, "nobody")

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "#") as own:
        asyncio.run(main(broker, own))


def test_check_tells_each_fault_of_a_mapping_file_at_its_line(tmp_path: Path) -> None:
    wrong = (
        MAPPING.replace("{list}", "{lst}").replace("[oee]", "[oe]").replace("as: power_w", "a: p")
    )
    (tmp_path / "platform.yaml").write_text(wrong, "utf-8")
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    faults, _notices = examine(tmp_path / "site.yaml")
    found = {(Path(fault.file).name, fault.line, fault.next) for fault in faults}
    assert found >= {
        ("platform.yaml", 5, "did you mean list?"),
        ("platform.yaml", 13, "did you mean oee?"),
        ("platform.yaml", 23, "did you mean as?"),
    }
    assert {file for file, _line, _next in found} == {"platform.yaml"}


def test_a_mapping_file_that_isnt_there_is_told_at_the_site_file(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    faults, _notices = examine(tmp_path / "site.yaml")
    assert [(Path(fault.file).name, fault.line, fault.code) for fault in faults] == [
        ("site.yaml", 3, "no-such-file")
    ]
