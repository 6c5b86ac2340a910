"""`nxgate diag`: one archive with what somebody far away needs to help, and no secret in it.

What secret files hold is looked for in everything before it is written, and taken out wherever it
stands; so is what a URL or a key named like a secret gives away.
"""

from __future__ import annotations

import io
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import click
import orjson

from gateway import __version__
from gateway.archive import standing as store
from gateway.archive.place import find
from gateway.diagnosis.doctor import look
from gateway.diagnosis.standing import plant_of
from gateway.errors import GatewayError
from gateway.secret import Secret
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.plant import Plant

HIDDEN = b"***"
LOG_LINES = 5000
LOG_S = 20.0
MOST_FILE = 4 << 20
LEAST_SECRET = 4
"""Characters; what is shorter would be found everywhere."""
_URL = re.compile(rb"(://)[^/@\s'\"]+@")
_NAMED = re.compile(
    rb"(?i)(\b(?:password|passphrase|token|secret|key)\b['\"]?\s*[:=]\s*)"
    rb"(?!\s*[{\[])['\"]?[^\s,}'\"#]+['\"]?"
)


def bundle(site: Path, out: Path) -> int:
    """Write the archive; 0 when it is written.

    Args:
        site: the site file, or the store's folder.
        out: its name; no file is there yet.

    Raises:
        GatewayError: it can't be written, or is there already.
    """
    plant = None if site.is_dir() else plant_of(site)
    hidden = sorted(_secrets(plant), key=len, reverse=True)
    try:
        with out.open("xb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            out.chmod(0o600)
            for name, data in _parts(site, plant):
                _add(archive, name, scrub(data, hidden))
    except FileExistsError as error:
        text = _("{path} is there already: give another name with --out")
        raise GatewayError(text.format(path=out)) from error
    except OSError as error:
        text = _("{path}: can't be written: {reason}")
        raise GatewayError(text.format(path=out, reason=error.strerror or error)) from error
    size = out.stat().st_size >> 10
    click.echo(_("{path}: {size} KiB; look into it before you send it").format(path=out, size=size))
    return 0


def scrub(data: bytes, hidden: Sequence[bytes]) -> bytes:
    """Take out what is secret.

    Args:
        data: a text.
        hidden: contents of secret files, the longest first.
    """
    for secret in hidden:
        data = data.replace(secret, HIDDEN)
    data = _URL.sub(rb"\1" + HIDDEN + b"@", data)
    return _NAMED.sub(rb"\1" + HIDDEN, data)


def _parts(site: Path, plant: Plant | None) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in it."""
    snapshot, found = look(site)
    yield "about.json", _json(_about())
    yield "findings.json", _json([finding.as_json() for finding in found])
    if snapshot is not None:
        yield "snapshot.json", _json(snapshot)
    try:
        yield "store.json", _json(store.as_json(store.take(find(site))))
    except (GatewayError, OSError) as error:
        yield "store.txt", str(error).encode()
    files = [site] if plant is None and site.is_file() else list(plant.files if plant else ())
    for number, path in enumerate(files):
        if path.is_file() and path.stat().st_size <= MOST_FILE:
            yield f"files/{number:02}-{path.name}", path.read_bytes()
    log = _journal()
    if log:
        yield "journal.txt", log


def _about() -> dict[str, object]:
    return {
        "nxgate": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": sorted(f"{each.name} {each.version}" for each in distributions()),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _journal() -> bytes:
    """The gateway's last lines in the system's log, where there is one and we may read it."""
    tool = shutil.which("journalctl")
    if tool is None:
        return b""
    asked = [tool, "-t", "nxgate", "-n", str(LOG_LINES), "--no-pager", "-o", "short-iso"]
    try:
        return subprocess.run(  # noqa: S603 - nothing of it comes from outside
            asked, capture_output=True, timeout=LOG_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""


def _secrets(plant: Plant | None) -> Iterator[bytes]:
    """What the secret files of a site hold, whole and line by line."""
    for path in _secret_files(plant):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        for text in (data.strip(), *data.splitlines()):
            if len(text) >= LEAST_SECRET:
                yield text.strip()


def _secret_files(plant: Plant | None) -> Iterator[Path]:
    for settings in plant.publish.values() if plant else ():
        tls = getattr(settings, "tls", None)
        commands = getattr(settings, "commands", None)
        held = (getattr(settings, name, None) for name in ("password", "token"))
        for secret in (*held, commands and commands.key):
            if isinstance(secret, Secret):
                yield secret.file
        if tls is not None and tls.key is not None:
            yield tls.key


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(f"nxgate-diag/{name}")
    about.size, about.mtime, about.mode = len(data), int(time.time()), 0o600
    archive.addfile(about, io.BytesIO(data))
