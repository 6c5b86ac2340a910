"""The judge can fail: for each rule a site that breaks it and no other; and one that is sound."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

import verifying.dialogues
import verifying.epochs
import verifying.events
import verifying.presence
from tests.e2e.certificates import Authority
from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.verify_sites import FAULTY, Site, sound
from tests.e2e.workshop import NXGATE, ROOT
from verifying import junit, report
from verifying.contract import Contract
from verifying.judge import Judge
from verifying.listener import Listener
from verifying.rules import rules
from verifying.session import Access, CannotListen

if TYPE_CHECKING:
    from pathlib import Path

    from verifying.findings import Finding


def access(port: int, version: str = "auto") -> Access:
    return Access("127.0.0.1", port, False, None, None, None, None, None, version)  # noqa: FBT003


class Publisher:
    """paho, saying whatever a test likes."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __call__(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:  # noqa: FBT001
        self._client.publish(topic, payload, qos, retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Judge, Listener]:
    """One run over all the sites, with patience cut to a tenth."""
    patch = pytest.MonkeyPatch()
    patch.setattr(verifying.epochs, "SETTLE_S", 0.4)
    patch.setattr(verifying.epochs, "FLIGHT_S", 1.0)
    patch.setattr(verifying.events, "FOLLOWS_S", 0.5)
    patch.setattr(verifying.presence, "GRACE_S", 0.5)
    patch.setattr(verifying.dialogues, "GRACE_S", 0.5)
    folder = tmp_path_factory.mktemp("verify")
    judge = Judge(Contract())
    with Mosquitto(folder) as broker:
        publish = Publisher(broker.port)
        stories = {"sound": sound, **FAULTY}
        sites = {name: Site(name, publish) for name in stories}

        def go(step: int) -> None:
            for name, story in stories.items():
                story(sites[name], step)

        go(0)
        listener = Listener(access(broker.port), "cii/v1/#", judge)
        thread = threading.Thread(target=listener.run, args=(7.0,))
        thread.start()
        wait_for(lambda: judge.seen.get("status"), "the judge listens")
        time.sleep(1.5)
        for step in (1, 2, 3):
            go(step)
            time.sleep(0.8)
        # Behind the judge's back: its newest is one that the broker does not keep.
        judge.retention._newest.put(f"{sites['kept'].root}/l1/a1/state", b"12345678")
        thread.join(30)
        assert not thread.is_alive()
        publish.close()
    judge.finish(time.monotonic())
    patch.undo()
    return judge, listener


def sites_of(finding: Finding) -> set[str]:
    return {example.topic.split("/")[4] for example in finding.examples}


@pytest.mark.parametrize("rule", [rule.name for rule in rules()])
def test_a_broken_rule_is_told_and_nothing_else_is(
    judged: tuple[Judge, Listener], rule: str
) -> None:
    finding = judged[0].findings.of(rule)
    assert finding.judged, "looked at"
    assert finding.faults, "found"
    assert sites_of(finding) == {rule}, finding.examples


def test_every_rule_has_a_site_that_breaks_it() -> None:
    assert set(FAULTY) == {rule.name for rule in rules()}


def test_the_report_tells_it_in_text_json_and_junit(
    judged: tuple[Judge, Listener], tmp_path: Path
) -> None:
    judge, listener = judged
    text = "\n".join(report.lines(judge, listener, 7.0))
    assert "✗ identity" in text
    assert "came before with another body" in text
    assert "platform.md: 1" in text
    assert judge.streams.duplicates == 1
    assert judge.streams.declared == 2
    told = report.as_json(judge, listener, 7.0)
    assert json.loads(json.dumps(told))["faults"] == judge.findings.faults
    junit.write(tmp_path / "junit.xml", judge, 7.0)
    suite = ET.parse(tmp_path / "junit.xml").getroot().find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == len(rules())
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) == len(rules())


def test_the_command_as_an_integrator_runs_it(tmp_path: Path) -> None:
    """Exit codes, older brokers' version, a password file, a broker that isn't there."""
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "judge", "secret"], check=True)
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)

    def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*NXGATE, "verify", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    with Mosquitto(tmp_path, f"password_file {passwords}", anonymous=False) as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        pub = ["mosquitto_pub", "-p", str(broker.port), "-u", "judge", "-P", "secret", "-q", "1"]
        login = ("--username", "judge", "--password-file", str(secret))
        done = verify(url, "--for", "100ms")
        assert (done.returncode, done.stdout) == (2, "")
        assert "Not authorized" in done.stderr
        done = verify(url, "--for", "100ms", *login)
        assert done.returncode == 2
        assert "no message came" in done.stderr
        site = Site("s", lambda *_: None)
        body = json.dumps(site.record("meta", 1))
        subprocess.run([*pub, "-r", "-t", f"{site.root}/l1/a1/meta", "-m", body], check=True)
        done = verify(url, "--for", "100ms", *login, "--mqtt", "3.1.1", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["classes"]["meta"]["kept"] >= 1
        subprocess.run([*pub, "-r", "-t", f"{site.root}/l1/a1/meta", "-m", "no"], check=True)
        junit_file = tmp_path / "junit.xml"
        done = verify(url, "--for", "100ms", *login, "--junit", str(junit_file))
        assert done.returncode == 1
        assert "✗ payload" in done.stdout
        assert 'failures="1"' in junit_file.read_text("utf-8")
    done = verify(url, "--for", "100ms")
    assert done.returncode == 2
    assert "Connection refused" in done.stderr
    assert verify("http://x").returncode == verify(url, "--for", "soon").returncode == 2


# paho leaves the socket of a failed handshake to its reference count, which closes it as well.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_listening_over_tls_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    Authority(tmp_path, "other")
    server_certificate, server_key = authority.issue("server", "IP:127.0.0.1")
    certificate, key = authority.issue("client", "DNS:judge")
    lines = (
        f"cafile {authority.certificate}", f"certfile {server_certificate}",
        f"keyfile {server_key}", "require_certificate true",
    )  # fmt: skip

    def listen(**files: Path | None) -> Judge:
        given = {"ca": authority.certificate, "cert": certificate, "key": key, **files}
        entry = Access("127.0.0.1", broker.port, True, None, None, version="5", **given)  # noqa: FBT003
        judge = Judge(Contract())
        Listener(entry, "cii/v1/#", judge).run(0.1)
        return judge

    with Mosquitto(tmp_path, *lines) as broker:
        assert listen().messages == 0
        with pytest.raises(CannotListen, match="certificate verify failed"):
            listen(ca=tmp_path / "other.crt")
        with pytest.raises(CannotListen):
            listen(cert=None, key=None)
        with pytest.raises(CannotListen):
            listen(ca=tmp_path / "missing.crt")
