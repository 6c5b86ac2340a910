"""Broken site files in their hundreds: each is a site or faults, never anything else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.checking import examine

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = (Path(__file__).parent.parent.parent / "docs/site.sample.yaml").read_text("utf-8")


def _mutations(count: int) -> Iterator[tuple[int, str]]:
    """Mutate the sample: characters, lines lost, doubled or moved, values of another type."""
    swaps = ["[]", "{}", "5", "-1", '"x"', "true", "~", "1e999", "[[]]", "{a: {b: 1}}", "*x", "&x"]
    odd = "{}[]:,&*!|>'\"%@`#-? \t\n\\0aé厂：\ufeff\u2028"
    for seed in range(count):
        rng = random.Random(seed)
        lines = SAMPLE.splitlines()
        for _round in range(rng.randint(1, 4)):
            n = rng.randrange(len(lines))
            line = lines[n]
            match rng.randrange(6):
                case 0:
                    del lines[n]
                case 1:
                    lines.insert(rng.randrange(len(lines)), line)
                case 2:
                    key, colon, _value = line.partition(": ")
                    lines[n] = f"{key}{colon}{rng.choice(swaps)}"
                case 3:
                    lines[n] = line[: rng.randint(0, len(line))]
                case 4:
                    lines[n] = " " * rng.randint(0, 6) + line.lstrip()
                case _:
                    place = rng.randint(0, len(line))
                    lines[n] = line[:place] + rng.choice(odd) + line[place:]
        yield seed, "\n".join(lines)


def test_no_file_ends_in_a_traceback(tmp_path: Path) -> None:
    """Half a thousand broken samples: each is a site or faults with a place and a next step."""
    path = tmp_path / "site.yaml"
    read_at_all = 0
    for seed, text in _mutations(500):
        path.write_text(text, "utf-8")
        faults, told = examine(path)
        lines = text.split("\n")
        for fault in faults + told:
            assert fault.what, seed
            assert fault.next, seed
            assert fault.file.endswith(("site.yaml", "dtsu666.yaml", "h5u.yaml")), (seed, fault)
            assert "\n" not in str(fault), seed
            assert 0 <= fault.line <= len(lines) + 1, (seed, fault)
        read_at_all += any(fault.code not in {"syntax", "tab"} for fault in faults)
    assert read_at_all > 150  # else the mutations try nothing but the parser


CANARIES = [
    "password: hunter2",
    "password:hunter2",
    "password: *hunter2",
    "password: &hunter2",
    "password: !hunter2",
    "password: !!hunter2",
    "password: @hunter2",
    "password: %hunter2",
    'password: "hunter2',
    "password: |hunter2",
    "password: [hunter2]",
    "password: {file:hunter2}",
    "password: {text: hunter2}",
    "password: {{ hunter2 }}",
    "password: hunter2: x",
    "password： hunter2",
    "password hunter2",
    "pasword: hunter2",
    "password: {file: x}\n    token: hunter2",
    "url: mqtts://gw-01:hunter2@broker",
    "url: mqtts://gw-01:hunter2@broker:port",
    "url: gw-01:hunter2@broker",
    "url: mqtts://broker/?password=hunter2",
    "tls: {key: '-----BEGIN PRIVATE KEY----- hunter2'}",
]


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("key", ["password: ", "url: "])
def test_no_message_repeats_a_password(tmp_path: Path, canary: str, key: str) -> None:
    path = tmp_path / "site.yaml"
    start = SAMPLE.index("  cluster:\n    kind: mqtt")
    place = SAMPLE.index(key, start)
    end = SAMPLE.index("\n", place)
    path.write_text(SAMPLE[:place] + canary + SAMPLE[end:], "utf-8")
    faults, told = examine(path)
    assert faults
    assert not [fault for fault in (*faults, *told) if "hunter2" in str(fault)]


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00\x01", b"\x00", b"%YAML 9.9\n---\n", b"---\n...\n"])
def test_junk_is_faults(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "site.yaml").write_bytes(junk)
    faults, _told = examine(tmp_path / "site.yaml")
    assert faults
