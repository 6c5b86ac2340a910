"""The site file as a whole: the sample, the schema, what survives a fault, secrets, and chaos."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from pydantic import BaseModel, ValidationError

from gateway import config, credentials
from gateway.checking import examine
from gateway.config import check_secrets, notices, read
from gateway.errors import ConfigError, Fault
from gateway.model import Kind, Order
from gateway.secret import Secret
from gateway.sitefile.destination import MqttPublish
from gateway.sitefile.later import serves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sitefile.sections import Site

ROOT = Path(__file__).parent.parent.parent
SAMPLE = (ROOT / "docs/site.sample.yaml").read_text("utf-8")
CASES = ROOT / "tests/cases/config"
INFO = "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"


def _site(tmp_path: Path, text: str) -> tuple[Site, list[Fault]]:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    return read(path)


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True, cwd=folder)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample, with its files in reach instead of under /etc."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("cell-1.password", "mqtt.password", "command.key", "influx.token", "alink.secret"):
        text = "0123456789abcdef" * 4 if name == "command.key" else "hunter2"
        (secrets / name).write_text(f"{text}\n", "utf-8")
        (secrets / name).chmod(0o600)
    new = "req -x509 -newkey rsa:2048 -nodes -subj /CN=gw-01 -days 1"
    _openssl(secrets, f"{new} -keyout gw-01.key -out gw-01.crt")
    (secrets / "gw-01.key").chmod(0o600)
    (secrets / "ca.crt").write_bytes((secrets / "gw-01.crt").read_bytes())
    mapping = (ROOT / "docs/mapping.sample.yaml").read_text("utf-8")
    (secrets / "platform.yaml").write_text(mapping, "utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(SAMPLE.replace("/etc/nxgate/", "secrets/"), "utf-8")
    return path


def test_the_sample_has_notices_and_no_faults(sample: Path) -> None:
    faults, told = examine(sample)
    assert not faults
    assert {notice.code for notice in told} == {"later"}
    # Each thing that the sample marks is told of, and nothing else.
    marked = {n for n, line in enumerate(SAMPLE.splitlines(), 1) if "(later)" in line}
    lines = SAMPLE.splitlines()
    for notice in told:
        above = [n for n in range(notice.line, 0, -1) if n in marked]
        assert above, notice
        assert notice.line - above[0] <= 8, (notice, lines[above[0] - 1])


def test_the_sample_holds_every_key(sample: Path) -> None:
    site, _faults = read(sample)
    missing = sorted(_unset(site, "site"))
    commented = ["site.devices.security.cert", "site.devices.security.key", "site.site.extensions"]
    assert missing == commented
    assert all(f"# {key.rpartition('.')[2]}:" in SAMPLE for key in commented)


def _unset(part: BaseModel, path: str) -> Iterator[str]:
    """Name the fields that no instance within a part sets."""
    groups: dict[type[BaseModel], set[str]] = {}
    places: dict[type[BaseModel], str] = {}

    def walk(value: object, at: str) -> None:
        if isinstance(value, BaseModel):
            groups.setdefault(type(value), set()).update(value.model_fields_set)
            places.setdefault(type(value), at)
            for name in type(value).model_fields:
                walk(getattr(value, name), f"{at}.{name}")
        elif isinstance(value, dict):
            for item in value.values():
                walk(item, at)

    walk(part, path)
    for model, fields in groups.items():
        for name in set(model.model_fields) - fields:
            yield f"{places[model]}.{name}"


def test_the_sample_names_every_word() -> None:
    for word in (*Kind, *get_args(config.MqttPublish.model_fields["format"].annotation)):
        assert word in SAMPLE
    assert Order.CDAB in SAMPLE


def test_the_sample_says_what_it_seems_to_say(sample: Path) -> None:
    site, _faults = read(sample)
    plc = site.devices["plc-1"]
    assert (plc.poll, plc.timeout, plc.groups) == (1.0, 0.5, {"slow": 60.0})
    assert plc.tags["mode"].bits == (0, 3)
    assert plc.tags["oven_temp"].missing == (32767,)
    assert site.assets["injection-1"].states["0"] == "idle"
    assert site.assets["injection-1"].products["A17"][0].ideal_cycle == 10
    assert site.baseline
    assert site.baseline.from_ == dt.date(2026, 3, 1)
    assert site.calendar
    day, night = site.calendar.shifts["day"], site.calendar.shifts["night"]
    assert (day.start, day.end, day.length, day.breaks) == (480, 1200, 720, ((720, 780),))
    assert (night.length, night.days) == (720, frozenset(range(5)))
    cluster = site.publish["cluster"]
    assert isinstance(cluster, MqttPublish)
    assert (cluster.version, cluster.heartbeat, cluster.backlog) == ("5", 300, 500)
    assert cluster.password
    assert cluster.password.file == sample.parent / "secrets/mqtt.password"
    assert site.store.size == 2 << 30
    assert site.store.keep.kpi == 3 * 365 * 86400
    assert [name for name, publish in site.publish.items() if serves(publish)] == [
        "cluster",
        "local",
        "scada",
        "aliyun",
        "own",
    ]


def test_only_the_site_section_must_be_there(tmp_path: Path) -> None:
    site, faults = _site(tmp_path, INFO)
    assert not faults
    assert site.site.gateway == "g"
    assert (site.devices, site.assets, site.publish) == ({}, {}, {})
    assert site.calendar is None
    assert site.store.path == Path("/var/lib/nxgate")
    assert site.store.commit == 0.5
    assert site.store.keep.telemetry == 30 * 86400


def test_sections_may_be_empty(tmp_path: Path) -> None:
    names = ("devices", "assets", "inventory", "calendar", "publish", "store", "baseline")
    site, faults = _site(tmp_path, INFO + "".join(f"{name}:\n" for name in names))
    assert not faults
    assert site.store.size == 2 << 30


def test_one_bad_item_hides_no_other(tmp_path: Path) -> None:
    site, faults = _site(
        tmp_path,
        INFO
        + "devices:\n"
        + "  a: {link: 'modbus+tcp://h', poll: 5, tags: {x: {kind: u9}, y: {at: D1}}}\n"
        + "  b: {link: nowhere, tags: {z: {scale: big}}}\n"
        + "  c: {link: 'modbus+tcp://h'}\n"
        + "assets:\n"
        + "  m: {ideal_cycle: 12, bind: {count: a.y}}\n"
        + "  n: {bind: [a.y]}\n",
    )
    assert [fault.code for fault in faults] == [
        "bare-number",
        "unknown-word",
        "bad-link",
        "wrong-type",
        "bare-number",
        "wrong-type",
    ]
    assert set(site.devices) == {"a", "c"}
    assert set(site.devices["a"].tags) == {"y"}
    assert site.devices["a"].poll == 1.0
    assert set(site.assets) == {"m"}
    assert site.is_invalid("devices", "a", "tags", "x")
    assert site.is_invalid("devices", "b", "tags", "anything")
    assert site.is_invalid("assets", "n")
    assert not site.is_invalid("devices", "a")
    assert not site.is_invalid("devices", "c")


def test_what_is_wrong_between_keys_is_told_beside_what_is_wrong_in_one(tmp_path: Path) -> None:
    _got, faults = _site(
        tmp_path,
        INFO
        + "devices: {a: {link: 'modbus+tcp://h', tags: {x: {low: 5, high: 1, scale: s}}}}\n"
        + "publish: {p: {kind: mqtt, url: 'mqtt://h', urls: ['mqtt://h'], heartbeat: 5}}\n",
    )
    assert [fault.code for fault in faults] == [
        "upside-down",
        "wrong-type",
        "contradiction",
        "bare-number",
    ]
    _got, faults = _site(
        tmp_path,
        INFO + "store: {size: 1}\nsite2: 1\ncalendar: {holidays: [x], shifts: {a: 5}}\n",
    )
    assert len(faults) == 4


def test_words_of_states_are_spelled_as_registers_give_them(tmp_path: Path) -> None:
    text = "assets: {a: {states: {0x10: running, true: idle, False: fault, 运行: setup}}}\n"
    site, faults = _site(tmp_path, INFO + text)
    assert not faults
    assert site.assets["a"].states == {"16": "running", "1": "idle", "0": "fault", "运行": "setup"}


def test_paths_start_from_the_site_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    path = tmp_path / "etc/site.yaml"
    path.write_text(
        INFO.replace("}", ", extensions: [extra.yaml, /x.yaml]}")
        + "publish: {p: {kind: mqtt, url: 'mqtt://h', username: u, password: {file: pw}}}\n"
        + "store: {path: data}\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    site, faults = read("etc/site.yaml")
    assert not faults
    assert site.site.extensions == (Path("etc/extra.yaml"), Path("/x.yaml"))
    assert site.store.path == Path("etc/data")
    (fault,) = check_secrets(site)
    assert fault.what == "publish.p.password.file: there is no file etc/pw"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_secret_of_ones_own_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pw"
    path.write_bytes("\ufeffgeheim 密\r\n".encode())
    path.chmod(mode)
    assert Secret(path).read() == "geheim 密"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_secret_open_to_others_is_refused(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pw"
    path.write_text("hunter2", "utf-8")
    path.chmod(mode)
    with pytest.raises(ConfigError) as raised:
        Secret(path).read()
    (fault,) = raised.value.faults
    assert fault.code == "open-secret"
    assert fault.next == f"chmod 600 {path}"
    assert "hunter2" not in str(fault)
    # A systemd credential is lent by an access list, which shows as mode bits of the group.
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Secret(path).read() == "hunter2"


def test_a_pipe_or_a_huge_file_is_no_secret(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "huge").write_bytes(b"x" * (1 << 20))
    (tmp_path / "huge").chmod(0o600)
    for name, code in (("pipe", "unreadable-file"), ("huge", "bad-secret")):
        with pytest.raises(ConfigError) as raised:
            Secret(tmp_path / name).read()
        assert raised.value.faults[0].code == code


def test_a_key_of_another_certificate_is_no_pair(sample: Path) -> None:
    secrets = sample.parent / "secrets"
    _openssl(secrets, "genrsa -out gw-01.key 2048")
    (secrets / "gw-01.key").chmod(0o600)
    site, _faults = read(sample)
    (fault,) = check_secrets(site)
    assert (fault.code, fault.line) == ("bad-certificate", _line("cert: /etc/nxgate/gw-01"))
    _openssl(secrets, "rsa -aes256 -passout pass:hunter2 -in gw-01.key -out locked.key")
    (secrets / "locked.key").rename(secrets / "gw-01.key")
    (fault,) = check_secrets(site)  # and nobody is asked for a pass phrase
    assert fault.code == "bad-certificate"


def _line(text: str) -> int:
    return next(n for n, line in enumerate(SAMPLE.splitlines(), 1) if text in line)


def test_a_model_made_by_hand_is_held_to_the_same_rules() -> None:
    with pytest.raises(ValidationError):
        MqttPublish.model_validate({"kind": "mqtt"})
    assert MqttPublish.model_validate({"kind": "mqtt", "url": "mqtt://h"}).brokers == ("mqtt://h",)


def test_notices_are_none_for_a_plain_site(tmp_path: Path) -> None:
    text = INFO + "publish: {p: {kind: mqtt, url: 'mqtt://h'}}\n"
    site, faults = _site(tmp_path, text)
    assert not faults
    assert not notices(site)


def test_a_secret_that_systemd_lends_is_read_in_place_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service may not read /etc/nxgate/secrets; root, who runs check, may."""
    lent = tmp_path / "credentials"
    lent.mkdir()
    (lent / "secrets_mqtt.password").write_text("secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(lent))
    assert credentials.lent(tmp_path / "secrets/mqtt.password") == lent / "secrets_mqtt.password"
    assert credentials.lent(tmp_path / "mqtt.password") == tmp_path / "mqtt.password"
    assert credentials.lent(tmp_path / "secrets/other") == tmp_path / "secrets/other"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert credentials.lent(tmp_path / "secrets/mqtt.password").parent.name == "secrets"
