"""Every command and every site file in the documents works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.checking import examine
from tests.e2e.mosquitto import free_ports

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
MAKE = re.compile(r"^make (\w+)", re.MULTILINE)

ENDS = "trap 'set +e; kill $(jobs -p) 2> /dev/null; wait' EXIT"
"""Ends what a block began in the background, also where a later command of it fails."""


def blocks(document: Path, language: str) -> list[str]:
    return [text for lang, text in BLOCK.findall(document.read_text("utf-8")) if lang == language]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_run(document: Path, tmp_path: Path) -> None:
    """A document's commands run one after the other, in a folder that looks like a clone."""
    scripts = [text for text in blocks(document, "sh") if not MAKE.search(text)]
    for text in blocks(document, "sh"):
        for target in MAKE.findall(text):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for folder in ("docs", "profiles"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    scenarios = tmp_path / "simulators/scenarios"
    scenarios.mkdir(parents=True)
    base = free_ports(5)
    for source in (ROOT / "simulators/scenarios").iterdir():
        text = source.read_text("utf-8")
        for offset in range(3):
            text = text.replace(f":{15021 + offset}", f":{base + offset}")
        text = text.replace(":18883", f":{base + 3}")
        (scenarios / source.name).write_text(text, "utf-8")
    script = "\n".join([ENDS, *scripts]).replace(":18883", f":{base + 3}")
    script = script.replace(":18428", f":{base + 4}")
    script = script.replace("mosquitto -p 18883", f"mosquitto -p {base + 3}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_site_files_are_sound(document: Path, tmp_path: Path) -> None:
    for text in blocks(document, "yaml"):
        site = tmp_path / "site.yaml"
        site.write_text(text, "utf-8")
        secret = tmp_path / "mqtt.password"
        secret.write_text("secret", "utf-8")
        secret.chmod(0o600)
        faults, _notices = examine(site)
        assert not faults


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text("utf-8")):
        assert (document.parent / target).exists(), target
