"""The command line as its users meet it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from tests.e2e.mosquitto import Mosquitto, Subscriber, free_port, wait_for
from tests.e2e.workshop import NXGATE, ROOT, SCENARIOS, bodies, workshop

if TYPE_CHECKING:
    from pathlib import Path


def nxgate(*arguments: str | Path, lang: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*NXGATE, *map(str, arguments)],
        cwd=ROOT,
        env={"LC_ALL": lang, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_check_says_all_faults_and_exits_with_two(tmp_path: Path) -> None:
    sound = nxgate("check", SCENARIOS / "workshop.site.yaml")
    assert sound.returncode == 0
    assert "no faults" in sound.stdout
    text = (SCENARIOS / "workshop.site.yaml").read_text("utf-8")
    site = tmp_path / "site.yaml"
    site.write_text(text.replace("poll: 1s", "pol: 1s").replace("D100", "D9000"), "utf-8")
    faulty = nxgate("check", site)
    assert faulty.returncode == 2
    assert "did you mean poll?" in faulty.stdout
    assert "D9000" in faulty.stdout
    as_json = json.loads(nxgate("check", "--json", site).stdout)
    assert as_json["ok"] is False
    assert {fault["code"] for fault in as_json["faults"]} >= {"unknown-key", "address-range"}
    assert all(fault["line"] > 0 for fault in as_json["faults"])
    assert nxgate("run", site).returncode == 2


def test_chinese_is_one_option_or_one_locale_away(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("site: {}\n", "utf-8")
    by_option = nxgate("--lang", "zh", "check", site)
    by_locale = nxgate("check", site, lang="zh_CN.UTF-8")
    assert nxgate("check", site, "--lang=zh").stdout == by_option.stdout
    assert nxgate("check", site, "--lang", "fr").returncode == 2
    assert by_option.stdout == by_locale.stdout != nxgate("check", site).stdout
    assert any("\u4e00" <= letter <= "\u9fff" for letter in by_option.stdout)


def test_schemas_are_schemas_and_accept_what_ships() -> None:
    for which in ("site", "profile"):
        done = nxgate("schema", which)
        assert done.returncode == 0
        Draft202012Validator.check_schema(json.loads(done.stdout))


def test_read_shows_registers_beside_values(tmp_path: Path) -> None:
    with workshop(tmp_path, free_port()) as made:
        everything = nxgate("read", "--json", made.site, "plc-inj")
        assert everything.returncode == 0
        readings = {r["tag"]: r for r in json.loads(everything.stdout)["readings"]}
        low, high = readings["indexes"]["raw"]
        assert readings["indexes"]["value"] == low | high << 16
        assert readings["mould_temp"]["value"] == readings["mould_temp"]["raw"][0] / 10
        assert readings["running"]["unit"] is None
        one = nxgate("read", made.site, "meter-1.energy_import")
        assert one.returncode == 0
        assert "kWh" in one.stdout
        unknown = nxgate("read", made.site, "meter-1.energy_imprt")
        assert unknown.returncode == 2
        assert "did you mean energy_import?" in unknown.stderr
    silent = nxgate("read", made.site, "plc-inj")
    assert silent.returncode == 1
    assert "Connection refused" in silent.stderr
    assert "site.yaml:" in silent.stderr


def test_a_device_without_tags_is_said(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"
        'devices: {drive: {link: "modbus+tcp://127.0.0.1:9"}}\n',
        "utf-8",
    )
    read = nxgate("read", str(site), "drive")
    assert read.returncode == 2
    assert "no tag of drive is read: add what to read under tags:" in read.stderr


def test_watch_follows_a_running_gateway_and_says_when_none_runs(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(tmp_path, broker.port) as made,
    ):
        alone = nxgate("watch", made.site, "--seconds", "1")
        assert alone.returncode == 1
        assert "nxgate run" in alone.stderr
        made.start()
        wait_for(lambda: bodies(subscriber, "lasting-1/oee"), "figures come")
        seen = nxgate("watch", made.site, "--seconds", "1")
        assert seen.returncode == 0
        assert "sole-line/injection-1" in seen.stdout
        assert "oee=" in seen.stdout
        assert "cluster: connected" in seen.stdout
        read = nxgate("read", made.site, "plc-inj")
        assert read.returncode == 0, read.stderr
        assert "a gateway runs on this site: it reads" in read.stderr
        assert "mould_temp" in read.stdout
        changed = tmp_path / "changed.yaml"
        text = (tmp_path / "site.yaml").read_text("utf-8")
        changed.write_text(re.sub(r"(mould_temp: .*scale: )0\.1", r"\g<1>0.2", text), "utf-8")
        otherwise = nxgate("read", str(changed), "plc-inj")
        assert otherwise.returncode == 1, otherwise.stdout
        assert "otherwise than this site file says: nxgate reload first" in otherwise.stderr
        second = nxgate("run", made.site)
        assert second.returncode == 1
        assert "in use by process" in second.stderr
        assert made.end() == 0
    assert not bodies(subscriber, "/status")[-1]["online"]


def test_a_renamed_asset_leaves_nothing_retained(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, workshop(tmp_path, broker.port) as made:
        with Subscriber(broker.port) as subscriber:
            made.start()
            wait_for(lambda: bodies(subscriber, "lasting-1/state"), "states come")
            assert made.end() == 0
        made.site.write_text(made.site.read_text("utf-8").replace("lasting-1:", "lasting-9:"))
        made.start()
        with Subscriber(broker.port) as after:
            wait_for(lambda: bodies(after, "lasting-9/state"), "states of the new name come")
        with Subscriber(broker.port) as late:
            wait_for(lambda: bodies(late, "lasting-9/meta"), "what is retained")
            kept = {heard.topic for heard in late.heard if heard.payload}
        assert made.end() == 0
    assert not {topic for topic in kept if "lasting-1/" in topic}
    assert {t.rpartition("/")[2] for t in kept if "lasting-9/" in t} >= {"meta", "state"}


def test_devices_that_are_off_at_the_start_stop_nothing(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        with workshop(tmp_path, broker.port) as made:
            pass  # the simulator has ended again: nobody listens at any device's port
        made.start()
        wait_for(lambda: bodies(subscriber, "/status"), "the gateway is online")
        time.sleep(5)
        assert made.gateway is not None
        assert made.gateway.poll() is None, made.log()
        states = bodies(subscriber, "injection-1/state")
        assert [state["state"] for state in states] == ["unknown"]
        rows = bodies(subscriber, "meter-1/telemetry/live")[0]["rows"]
        assert set(rows[0]["m"].values()) == {None}
        assert set(rows[0]["q"].values()) == {2}
        assert made.end() == 0
