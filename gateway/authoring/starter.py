"""`nxgate profile new`: a profile to begin with, and a trace with what it must lead to."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.errors import ConfigError, Fault
from gateway.resolution.industry import load_profile
from gateway.resolution.library import PROFILES
from gateway.sitefile.document import Wrong
from gateway.sitefile.names import level
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINE = "machine"
"""The type that the first machine extends."""
TRACE = "two-hours"
MINUTES = 125
BROKEN = range(20, 30)
IDLE = 45
"""Minutes of the trace in which the machine doesn't run."""
PER_MINUTE = 5
REJECTED_EVERY = 9
"""Of the minutes in which it runs, one in so many gives a reject."""


def write(name: str, folder: Path, extends: str) -> int:
    """Write the files and say what to do with them.

    Args:
        name: of the profile.
        folder: to write to; made where it isn't there.
        extends: the profile that it is laid over.

    Raises:
        ConfigError: the name can't be one, there is nothing of its own to extend, a file is in
            the way, or the folder can't be written.
    """
    _check(name, folder, extends)
    texts = {f"{name}.yaml": _text("profile"), f"{name}/site.yaml": _text("site")}
    texts[f"{name}/{TRACE}.expected.yaml"] = _text("expected")
    texts[f"{name}/{TRACE}.jsonl"] = "".join(f"{json.dumps(line)}\n" for line in _trace())
    paths = {folder / place: text for place, text in texts.items()}
    for path in paths:
        if path.exists():
            what, next_ = _("the file is already there"), _("choose another name or folder")
            raise ConfigError([Fault(str(path), 0, 0, "file-exists", what, next_)])
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("NAME", name).replace("BASE", extends), "utf-8")
        except OSError as error:
            what = _("the file can't be written: {error}").format(error=error.strerror)
            next_ = _("choose a folder that is yours, or make room on the disk")
            raise ConfigError([Fault(str(path), 0, 0, "unwritable", what, next_)]) from error
        click.echo(_("{path}: written").format(path=path))
    path = folder / f"{name}.yaml"
    click.echo(_("next: nxgate profile test {path}").format(path=path))
    return 0


def _check(name: str, folder: Path, extends: str) -> None:
    """Refuse what can't become a profile.

    Raises:
        ConfigError: with what is wrong.
    """
    try:
        level(name)
    except Wrong as wrong:
        raise ConfigError([Fault(name, 0, 0, wrong.code, wrong.what, wrong.next)]) from wrong
    if name in PROFILES.names():
        what = _("a profile of that name ships with the gateway")
        fault = Fault(name, 0, 0, "duplicate-name", what, _("choose another name or folder"))
        raise ConfigError([fault])
    base, faults = load_profile(extends, folder)
    if faults:
        raise ConfigError(faults)
    if base is None:
        what = _("there is no profile {name}").format(name=extends)
        raise ConfigError([Fault(name, 0, 0, "unknown-profile", what, PROFILES.suggest(extends))])
    lacking = {MACHINE, "breakdown"} - {*base.profile.types, *base.profile.reasons}
    if lacking:
        what = _("{name} has no {lacking} to begin with").format(
            name=extends, lacking=", ".join(sorted(lacking))
        )
        next_ = _("leave out --extends, and change the file afterwards")
        raise ConfigError([Fault(name, 0, 0, "unknown-type", what, next_)])


def _text(part: str) -> str:
    return (Path(str(resources.files(__package__))) / f"starter.{part}.yaml").read_text("utf-8")


def _trace() -> Iterator[dict[str, object]]:
    """Two hours of a machine, a reading of each signal once a minute."""
    ran = 0
    for minute in range(MINUTES):
        if minute and _state(minute - 1) == "running":
            ran += 1
        told: dict[str, object] = {
            "state": _state(minute),
            "count": ran * PER_MINUTE,
            "reject": ran // REJECTED_EVERY,
            "energy": round(1000 + 0.05 * minute, 2),
            "oven_temp": 178.5 if minute in BROKEN else 181.0,
            "oven_set": 180.0,
        }
        if minute in BROKEN:
            told["reason"] = "E12"
        time = f"2026-03-02T{8 + minute // 60:02}:{minute % 60:02}:00+08:00"
        for signal, value in told.items():
            yield {"t": time, "asset": "first-1", "signal": signal, "value": value}


def _state(minute: int) -> str:
    if minute in BROKEN:
        return "fault"
    return "idle" if minute == IDLE else "running"
