"""A PostgreSQL of one's own, where Debian's is installed and psycopg is too."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.mosquitto import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

USER = "postgres"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run one in a folder; its URL. Skips where it can't be run."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found or find_spec("psycopg") is None:
        pytest.skip("needs apt's postgresql and PyPI's psycopg")
    port, data = free_port(), folder / "postgres"
    data.mkdir()
    as_user: Sequence[str] = ()
    if os.geteuid() == 0:  # it refuses to run as root
        as_user = ("runuser", "-u", USER, "--")
        shutil.chown(data, USER)
        for parent in list(data.parents)[:-2]:
            parent.chmod(parent.stat().st_mode | 0o011)

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1] / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    run("initdb", "-U", USER, "-A", "trust")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-w", "-o", options, "-l", str(data / "log"), "start")
    try:
        yield f"postgresql://{USER}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")
