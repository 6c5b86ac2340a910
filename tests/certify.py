"""Certificates made by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def certify(folder: Path, days: int, name: str = "cert.pem") -> Path:
    path = folder / name
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
    new = f"req -x509 {key} -subj /CN=gw -days {days}"
    command = ["openssl", *new.split(), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return path
