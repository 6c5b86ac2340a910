"""A site file that is changed while the gateway runs: what differs changes, and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.test_reload_campaign import reload
from tests.e2e.workshop import NXGATE, ROOT, Workshop, bodies, snapshot, workshop

if TYPE_CHECKING:
    from pathlib import Path


def edit(made: Workshop, *changes: tuple[str, str]) -> None:
    text = made.site.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    made.site.write_text(text, "utf-8")


def ask(made: Workshop) -> subprocess.CompletedProcess[str]:
    command = [*NXGATE, "reload", str(made.site)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def told(subscriber: Subscriber, asset: str) -> list[dict[str, Any]]:
    """Telemetry of an asset, in the order of arrival."""
    return bodies(subscriber, f"{asset}/telemetry/live")


def test_a_site_file_that_is_changed_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with (
        Mosquitto(tmp_path) as broker,
        Mosquitto(tmp_path / "second") as other,
        Subscriber(broker.port) as subscriber,
        workshop(tmp_path, broker.port, poll="200ms") as made,
    ):
        made.start()
        wait_for(lambda: bodies(subscriber, "injection-1/oee"), "figures come")
        wait_for(lambda: figures(made)["total"], "pieces come")
        what_differs_changes(made, subscriber, other)
        faults_change_nothing(made)
        what_needs_a_restart_changes_nothing(made)
        what_goes_leaves_nothing_behind(made, broker, other)
        assert made.end() == 0
        assert "Traceback" not in made.log()


def figures(made: Workshop) -> dict[str, Any]:
    (asset,) = [asset for asset in snapshot(made)["assets"] if asset["name"] == "injection-1"]
    return asset["figures"] or {"total": 0}


def what_differs_changes(made: Workshop, subscriber: Subscriber, other: Mosquitto) -> None:
    """A line more, a device read otherwise, an asset's figures, another broker."""
    before, pieces = snapshot(made), figures(made)
    heard = len(told(subscriber, "lasting-1"))
    second = f'  second: {{kind: mqtt, url: "mqtt://127.0.0.1:{other.port}"}}\n'
    edit(
        made,
        ("devices:\n", "# nothing but a line\ndevices:\n"),
        ("at: D110", "at: D112"),
        ("ideal_cycle: 1.9s # one index", "ideal_cycle: 3.8s # one index"),
        ("publish:\n", "publish:\n" + second),
    )
    done = ask(made)
    assert (done.returncode, done.stderr) == (0, "")
    assert "devices: 1 changed, 2 kept; assets: 1 changed, 2 kept" in done.stdout
    assert "figures begun anew: injection-1" in done.stdout
    after = snapshot(made)
    for name in ("plc-last", "meter-1"):
        assert after["devices"][name]["missed"] == before["devices"][name]["missed"]
        assert after["devices"][name]["polls"] > before["devices"][name]["polls"]
    assert figures(made)["total"] >= pieces["total"], "what was counted stays counted"
    since, now = (shot["publishers"]["cluster"]["since_ms"] for shot in (before, after))
    assert since == now, "one connection all the time"
    statuses = bodies(subscriber, "/status")
    assert [status.get("reason") for status in statuses] == ["start", "config"]
    assert {status["conn"] for status in statuses} == {1}
    everything = max(len(row["rows"][0]["m"]) for row in told(subscriber, "lasting-1"))
    later = [len(row["rows"][0]["m"]) for row in told(subscriber, "lasting-1")[heard:]]
    assert all(count < everything for count in later), "nothing is told again"
    wait_for(lambda: len(bodies(subscriber, "injection-1/meta")) > 1, "the new meta")
    revs = [meta["rev"] for meta in bodies(subscriber, "injection-1/meta")]
    wait_for(lambda: told(subscriber, "injection-1")[-1]["rev"] == revs[-1], "of the new meta")
    order = [
        json.loads(heard.payload)["rev"]
        for heard in subscriber.heard
        if heard.topic.endswith(("injection-1/meta", "injection-1/telemetry/live"))
    ]
    assert order.count(revs[0]) + order.count(revs[1]) == len(order)
    assert set(order[order.index(revs[1]) :]) == {revs[1]}, "the meta comes first"
    with Subscriber(other.port) as second_hand:
        wait_for(lambda: bodies(second_hand, "lasting-1/meta"), "the second broker has the metas")


def faults_change_nothing(made: Workshop) -> None:
    """They are told with their place, in the log once, and shown until they are mended."""
    edit(made, ("poll: 200ms", "pol: 200ms"))
    faulty = ask(made)
    assert faulty.returncode == 2
    *faults, what_next = faulty.stderr.splitlines()
    assert what_next.startswith("nothing was reloaded")
    wait_for(lambda: snapshot(made)["reload"]["faults"], "the gateway has seen it by itself")
    for _time in range(2):
        assert sorted(reload(made)["faults"]) == sorted(faults)
    watch = [*NXGATE, "watch", "--plain", "--seconds", "0.1"]
    run = partial(subprocess.run, capture_output=True, text=True, check=False, timeout=30)
    assert "give the store's folder" in run([*watch, str(made.site)]).stderr
    watched = run([*watch, str(made.site.parent / "store")])
    assert "the changed site file does not run" in watched.stdout, watched.stderr
    lines = [line for line in made.log().splitlines() if "pol: there is no such key" in line]
    assert len(lines) == 3, "one a device"
    edit(made, ("pol: 200ms", "poll: 200ms"))
    assert made.gateway is not None
    made.gateway.send_signal(signal.SIGHUP)
    wait_for(lambda: not snapshot(made)["reload"]["faults"], "mended")


def what_needs_a_restart_changes_nothing(made: Workshop) -> None:
    edit(made, ("site: plant-1", "site: plant-2"), ("poll: 200ms", "poll: 300ms"))
    (fault,) = reload(made)["faults"]
    assert "site.site can't change while the gateway runs: restart" in fault
    edit(made, ("site: plant-2", "site: plant-1"), ("poll: 300ms", "poll: 200ms"))
    assert "nothing differs" in reload(made)["summary"]


def what_goes_leaves_nothing_behind(made: Workshop, broker: Mosquitto, other: Mosquitto) -> None:
    """An asset takes everything retained with it; a broker hears goodbye."""
    before, rest = made.site.read_text("utf-8").split("  lasting-1:\n")
    text = before + rest[rest.index("publish:") :]
    kept = [line for line in text.splitlines() if not line.startswith("  second:")]
    made.site.write_text("\n".join(kept), "utf-8")
    assert "assets: 1 added, 1 removed" in reload(made)["summary"], "its tags are a device's now"
    time.sleep(1)
    with Subscriber(broker.port) as late, Subscriber(other.port) as second:
        wait_for(lambda: bodies(late, "injection-1/meta"), "what is retained")
        wait_for(lambda: bodies(second, "/status"), "the goodbye")
        assert not [heard.topic for heard in late.heard if "lasting-1/" in heard.topic]
        assert bodies(second, "/status")[-1]["online"] is False


def test_without_a_gateway_there_is_nothing_to_reload(tmp_path: Path) -> None:
    with workshop(tmp_path, 1) as made:
        done = ask(made)
        assert done.returncode == 1
        assert "nxgate run" in done.stderr
