"""`nxgate init`: from answers to a site file, at a terminal and from a file."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.checking import examine

NXGATE = [str(Path(sys.executable).with_name("nxgate"))]
SITE = "site: {cluster: wenzhou, enterprise: demo, site: plant-1, gateway: gw-01, timezone: %s}\n"
ANSWERS = (
    SITE % "Asia/Shanghai"
    + """\
devices:
  plc-1: {link: "modbus+tcp://127.0.0.1:1", template: inovance/h5u, tags: {n: {at: D1, kind: u16}}}
broker:
  url: mqtt://127.0.0.1:1883
  username: gw-01
  password: {file: secrets/mqtt.password}
store: store
"""
)


def init(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*NXGATE, "--lang", "en", "init", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_site_file_follows_from_answers_and_is_never_written_over(tmp_path: Path) -> None:
    answers, site = tmp_path / "answers.yaml", tmp_path / "site.yaml"
    answers.write_text(ANSWERS)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/mqtt.password").write_text("secret")
    (tmp_path / "secrets/mqtt.password").chmod(0o600)
    done = init(site, "--non-interactive", answers)
    assert (done.returncode, done.stderr) == (0, "")
    assert examine(site) == ([], [])
    assert stat.S_IMODE(site.stat().st_mode) == 0o640
    before = site.read_bytes()
    done = init(site, "--non-interactive", answers)
    assert done.returncode == 2
    assert "stays as it is" in done.stderr
    assert site.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "answers.yaml",
        "secrets",
        "site.yaml",
    ]


WRONG = (
    {"wenzhou": "Wenzhou", "h5u": "h5", "modbus+tcp:": "modbus:", "username": "usernam"},
    {"  url": "  urk", "store: store": "store: 7", "broker:": "brokr:"},
    {"store: store": "store: [store"},
    {"plc-1: {": "'p: {l c': {"},
)
TOLD = (
    (
        "1:17: site.cluster",
        "3:17: devices.plc-1.link: no driver",
        "3:51: devices.plc-1.template",
        "6:12: publish.cluster.usernam",
    ),
    ("4:1: brokr: there is no such key", "8:8: store"),
    ("9:1: ",),
    ("3:14: devices.p: ",),
)


@pytest.mark.parametrize(("changes", "told"), list(zip(WRONG, TOLD, strict=True)))
def test_each_fault_is_told_at_the_line_of_its_answer(
    tmp_path: Path, changes: dict[str, str], told: tuple[str, ...]
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/mqtt.password").write_text("secret")
    (tmp_path / "secrets/mqtt.password").chmod(0o600)
    answers, site = tmp_path / "answers.yaml", tmp_path / "site.yaml"
    text = ANSWERS
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    answers.write_text(text)
    done = init(site, "--non-interactive", answers)
    assert done.returncode == 2
    for start in told:
        assert any(line.startswith(f"{answers}:{start}") for line in done.stderr.splitlines()), (
            done.stderr
        )
    assert not site.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_link_where_nobody_answers_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(SITE % "UTC" + 'scan: [{link: "modbus+tcp://127.0.0.1:1", units: 1}]\n')
    done = init(tmp_path / "site.yaml", "--non-interactive", answers)
    assert done.returncode == 2
    assert "answers.yaml:2:15: scan" in done.stderr
    answers.write_text(ANSWERS)
    done = init(tmp_path / "none/site.yaml", "--non-interactive", answers)
    assert done.returncode == 2
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr


class Terminal:
    """A person at a terminal."""

    def __init__(self, site: Path, language: str) -> None:
        self.said = ""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ["LC_ALL"] = "C.UTF-8"
            os.execv(NXGATE[0], [*NXGATE, "--lang", language, "init", str(site)])  # noqa: S606

    def until(self, text: str) -> None:
        """Read until something was said since the last answer."""
        deadline = time.monotonic() + 20
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self._fd], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self._fd, 4096).decode("utf-8", "replace")
                except OSError:
                    break
        assert text in self.said

    def answer(self, question: str, word: str) -> None:
        self.until(question)
        self.said = ""
        os.write(self._fd, f"{word}\n".encode())

    def end(self) -> int:
        while True:
            try:
                self.said += os.read(self._fd, 4096).decode("utf-8", "replace")
            except OSError:
                break
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)


def test_questions_at_a_terminal_go_on_after_ctrl_c(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    person = Terminal(site, "en")
    person.answer("Cluster", "Wenzhou Shoes")
    person.until("can't be a name here")
    person.answer("Cluster", "wenzhou")
    person.answer("Enterprise", "demo")
    person.until("Site [")
    person.interrupt()
    assert person.end() == 130
    assert "keeps the answers" in person.said
    assert not site.exists()

    person = Terminal(site, "zh")
    person.until("接着")
    assert "集群" not in person.said
    person.answer("站点 [", "plant-1")
    person.answer("本网关的名称", "gw-01")
    person.answer("时区", "Asia/Shanghai")
    person.until("shoes: 鞋业")
    person.answer("行业", "shoes")
    person.answer("设备的链路", "modbus+tpc://10.0.0.5")
    person.until("modbus+tcp")
    person.answer("设备的链路", "modbus+tcp://127.0.0.1:1")
    person.answer("搜索", "n")
    person.answer("设备名称", "meter-1")
    person.answer("站号", "7")
    person.answer("模板", "chint/dtsu666")
    person.answer("设备的链路", "-")
    person.answer("MQTT", "mqtt://127.0.0.1:1883")
    person.answer("用户名", "gw-01")
    person.answer("密码", "canary-4711")
    person.answer("存储", "store")
    assert person.end() == 0
    assert "canary-4711" not in person.said + site.read_text()
    assert examine(site) == ([], [])
    secret = site.parent / "secrets/mqtt.password"
    assert secret.read_text() == "canary-4711"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert not site.with_name("site.yaml.answers").exists()
    assert re.search(r"unit: 7\b", site.read_text())
