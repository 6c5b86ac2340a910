"""Every message exists in Chinese, with the same fields."""

from __future__ import annotations

import ast
import json
import re
import string
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway import words
from gateway.cli import cli

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "gateway/locale/zh.json"


def messages() -> dict[str, str]:
    """Every literal that goes through `_`, and where; anything but a literal is an error."""
    found: dict[str, str] = {}
    for folder in ("gateway", "drivers", "simulators", "verifying"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                    continue
                if node.func.id != "_" or path.name == "words.py":
                    continue
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{where}: not a literal"
                found[str(argument.value)] = where
    return found


def fields(message: str) -> set[str]:
    return {name for _text, name, _spec, _how in string.Formatter().parse(message) if name}


def test_every_message_is_translated_and_no_translation_is_left_over() -> None:
    catalogue, found = json.loads(CATALOGUE.read_text("utf-8")), messages()
    missing = {where: message for message, where in found.items() if message not in catalogue}
    assert not missing
    assert not catalogue.keys() - found.keys()


@pytest.mark.parametrize("message", sorted(json.loads(CATALOGUE.read_text("utf-8"))))
def test_a_translation_keeps_the_fields(message: str) -> None:
    chinese = json.loads(CATALOGUE.read_text("utf-8"))[message]
    if re.search(r"\{\w*[!:}]", message):
        assert fields(chinese) == fields(message)
    assert chinese.strip()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_chooses(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        assert words.choose() == language == words.chosen()
    finally:
        words.choose("en")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "用法： nxgate"),
        (["nonsense"], "错误：没有命令 'nonsense'"),
        (["read"], "缺少参数 'SITE'"),
        (["scan", "x://", "--timeout", "99"], "99.0 不在范围 0.02<=x<=10 之内"),
        (["schema", "sight"], "'sight' 不在 'site', 'profile' 之中"),
    ],
)
def test_click_speaks_chinese_too(arguments: list[str], said: str) -> None:
    wanted = [sys.executable, "-m", "gateway", "--lang", "zh", *arguments]
    done = subprocess.run(wanted, capture_output=True, text=True, timeout=30, check=False)
    assert said in done.stdout + done.stderr


def test_what_is_translated_of_click_is_what_it_says() -> None:
    catalogue = json.loads(CATALOGUE.with_name("click.zh.json").read_text("utf-8"))
    sources = "".join(path.read_text("utf-8") for path in Path(click.__file__).parent.glob("*.py"))
    assert not [message for message in catalogue if f'"{message}"' not in sources]
    assert all(fields(message) == fields(text) for message, text in catalogue.items())


def test_the_list_of_commands_says_whole_sentences() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert "verify" in shown
    assert "..." not in shown.partition("Commands:")[2]
