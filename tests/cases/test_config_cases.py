"""Every wrong site file of `config/`, each with the golden messages that it must give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.checking import examine

CASES = Path(__file__).parent / "config"
SLUGS = sorted(folder.name for folder in CASES.iterdir())


def _write(name: str, data: bytes, mode: int = 0o600) -> None:
    Path(name).write_bytes(data)
    Path(name).chmod(mode)


# What git can't hold, or would not keep as it is.
SETUP = {
    "binary": lambda: _write("site.yaml", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    "folder": lambda: Path("site.yaml").mkdir(),
    "not-utf-8": lambda: _write("site.yaml", "site:\n  cluster: 温州\n".encode("gbk")),
    "pipe": lambda: os.mkfifo("site.yaml"),
    "secret-empty": lambda: _write("mqtt.password", b"\n"),
    "secret-is-a-folder": lambda: Path("mqtt.password").mkdir(),
    "secret-not-text": lambda: _write("mqtt.password", b"\xff\xfe\x00"),
    "secret-unreadable": lambda: Path("mqtt.password").symlink_to("mqtt.password"),
    "secret-world-readable": lambda: _write("mqtt.password", b"hunter2\n", 0o644),
    "certificate-not-pem": lambda: Path("gw-01.key").chmod(0o600),
    "too-large": lambda: _write("site.yaml", b"#" * (5 << 20)),
    "utf-16": lambda: _write("site.yaml", "site:\n".encode("utf-16")),
}


@pytest.mark.parametrize("slug", SLUGS)
def test_wrong_file(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (CASES / slug).iterdir():
        if file.name != "expected.txt":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    if slug in SETUP:
        SETUP[slug]()
    faults, _notices = examine(Path("site.yaml"))
    found = "".join(f"{fault}  [{fault.code}]\n" for fault in faults)
    expected = CASES / slug / "expected.txt"
    if os.environ.get("NXGATE_WRITE_GOLDEN"):
        expected.write_text(found, "utf-8")
    assert found
    assert found == expected.read_text("utf-8")
    assert "hunter2" not in found


def test_there_are_many() -> None:
    assert len(SLUGS) >= 80
