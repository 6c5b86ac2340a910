"""A box dies and its backup goes on in its place: no id twice, nothing lost, no key in it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.workshop import NXGATE, ROOT, snapshot, workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.workshop import Workshop

CANARY = "canary-pw-91c2e7"


def nxgate(*words: object) -> subprocess.CompletedProcess[str]:
    command = [*NXGATE, *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[tuple[Workshop, Subscriber]]:
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(tmp_path / "box", broker.port) as made,
    ):
        password = tmp_path / "password"
        password.write_text(CANARY, "utf-8")
        password.chmod(0o600)
        text = made.site.read_text("utf-8")
        login = f"username: gw, password: {{file: {password}}}, heartbeat: 30s"
        made.site.write_text(text.replace("heartbeat: 30s", login), "utf-8")
        made.start()
        wait_for((made.folder / "store/nxgate.sock").exists, "the gateway runs")
        wait_for(lambda: told(subscriber) > 20, "records arrive")
        yield made, subscriber


@pytest.fixture(autouse=True)
def box(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()


def told(subscriber: Subscriber) -> int:
    return len(records(subscriber))


def records(subscriber: Subscriber) -> list[dict[str, Any]]:
    """All that have an id, in the order of their arrival."""
    bodies = (json.loads(heard.payload) for heard in subscriber.heard if heard.payload)
    return [body for body in bodies if "id" in body]


def test_another_box_goes_on_in_the_place_of_one_that_died(
    floor: tuple[Workshop, Subscriber], tmp_path: Path
) -> None:
    made, subscriber = floor
    out = tmp_path / "box.tar.gz"
    done = nxgate("backup", made.site, "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"not in it, and needed: {tmp_path / 'password'}" in done.stdout
    assert out.stat().st_mode & 0o077 == 0
    count = told(subscriber)
    wait_for(lambda: told(subscriber) > count + 10, "it goes on after the backup")
    assert made.gateway is not None
    made.gateway.kill()
    made.gateway.wait()
    made.gateway = None
    before = records(subscriber)

    with tarfile.open(out) as archive:
        for member in archive:
            held = archive.extractfile(member)
            assert held is not None
            assert CANARY.encode() not in held.read(), member.name
            assert member.name != "store/epoch"
    shutil.rmtree(made.folder / "store")
    again = tmp_path / "again"
    done = nxgate("restore", out, again)
    assert done.returncode == 0, done.stderr
    assert f"still needed: {tmp_path / 'password'}" in done.stdout
    assert (again / "store").is_dir()
    assert nxgate("restore", out, again).returncode != 0, "nothing that is there is touched"

    made.site = again / made.site.name
    made.folder = again
    made.start()
    wait_for((again / "store/nxgate.sock").exists, "the other box runs")
    wait_for(lambda: told(subscriber) > len(before) + 20, "it delivers")
    wait_for(
        lambda: not snapshot(made)["publishers"]["cluster"]["outbox"], "all of it is delivered"
    )
    bodies: dict[str, dict[str, Any]] = {}
    for body in records(subscriber):
        assert bodies.setdefault(body["id"], body | {"hist": 0}) == body | {"hist": 0}
    epochs = [int(body["id"].split(":")[1]) for body in records(subscriber)]
    assert max(epochs) > max(int(body["id"].split(":")[1]) for body in before)

    refused = nxgate("wipe", made.site, "--yes")
    assert refused.returncode != 0, "while the gateway runs"
    made.end()
    assert nxgate("wipe", made.site, "--yes").returncode == 0
    assert not (again / "store").exists()
    assert not made.site.exists()
    assert not (tmp_path / "password").exists()


def test_a_damaged_backup_leaves_nothing_behind(
    floor: tuple[Workshop, Subscriber], tmp_path: Path
) -> None:
    made, _subscriber = floor
    out = tmp_path / "box.tar.gz"
    assert nxgate("backup", made.site, "--out", out, "--no-records").returncode == 0
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(out.read_bytes()[:-200])
    changed = tmp_path / "changed.tar.gz"
    with tarfile.open(out) as source, tarfile.open(changed, "w:gz") as target:
        for member in source:
            held = source.extractfile(member)
            assert held is not None
            data = held.read()
            if member.name == "site/site.yaml":
                data = data.replace(b"gw-01", b"gw-02")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    escaping = tmp_path / "escaping.tar.gz"
    with tarfile.open(escaping, "w:gz") as target:
        target.addfile(tarfile.TarInfo("site/../../evil"), io.BytesIO(b""))
    linked = tmp_path / "linked.tar.gz"
    with tarfile.open(linked, "w:gz") as target:
        link = tarfile.TarInfo("site/site.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        target.addfile(link)
    text = tmp_path / "text.tar.gz"
    text.write_text("hello")
    for bad in (cut, changed, escaping, linked, text):
        done = nxgate("restore", bad, tmp_path / "new")
        assert done.returncode != 0, bad
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "new").exists(), bad
        assert not (tmp_path / "new.new").exists(), bad
