"""`make demo` shows figures of every asset, on either broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("options", "name"), [([], "mosquitto"), (["--amqtt"], "amqtt")])
def test_the_demo_ends_by_itself_and_tells_what_arrived(
    options: list[str], name: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators.demo", "--seconds", "12", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"broker: {name}" in done.stdout
    assert "all 2 assets sent their figures" in done.stdout
    assert "sole-line/injection-1" in done.stdout


def test_the_demo_speaks_chinese(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators.demo", "--seconds", "12"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 个资产的指标均已送达" in done.stdout
