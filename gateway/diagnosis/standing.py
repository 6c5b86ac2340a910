"""What can be seen to be wrong without the gateway: its files, its disk, its certificates."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from gateway.checking import examine
from gateway.diagnosis.finding import Finding
from gateway.errors import ConfigError
from gateway.itself.certificate import expiry_ms
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.plant import Plant

DAY_MS = 86_400_000
SOON_DAYS = 30
SECRETS = frozenset(
    {"open-secret", "empty-secret", "bad-secret", "weak-key", "unreadable-file", "no-such-file"}
)
"""Codes of faults of a file that a site file names."""


def plant_of(site: Path) -> Plant | None:
    """What a site file comes to; None where it has faults."""
    try:
        return load(site)
    except ConfigError:
        return None


def findings(site: Path, plant: Plant | None) -> Iterator[Finding]:
    """What is wrong with a site file and with what it names.

    Args:
        site: the site file.
        plant: what it comes to, as far as it has no faults.
    """
    faults, _notices = examine(site)
    for fault in faults:
        code = "secret-unreadable" if fault.code in SECRETS else "site-faults"
        yield Finding(code, "site", str(fault))
    if plant is not None:
        yield from _disk(plant)
        yield from _certificates(plant)


def _disk(plant: Plant) -> Iterator[Finding]:
    folder = plant.store.path
    if not folder.is_dir():
        return
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < plant.store.size - taken:
        text = _("{path}: {free} MiB are free, and the store may take {more} MiB more")
        more = (plant.store.size - taken) >> 20
        yield Finding("disk-scarce", "store", text.format(path=folder, free=free >> 20, more=more))


def _certificates(plant: Plant) -> Iterator[Finding]:
    now_ms = time.time_ns() // 1_000_000
    for name, settings in plant.publish.items():
        tls = getattr(settings, "tls", None)
        for path in () if tls is None else filter(None, (tls.ca, tls.cert)):
            ends_ms = expiry_ms(path)
            if ends_ms is None or ends_ms - now_ms > SOON_DAYS * DAY_MS:
                continue
            code = "certificate-expired" if ends_ms <= now_ms else "certificate-expiring"
            day = time.strftime("%Y-%m-%d", time.gmtime(ends_ms / 1000))
            text = _("{name}: {path} is valid until {day}").format(name=name, path=path, day=day)
            yield Finding(code, name, text)
