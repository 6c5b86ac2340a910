"""The site file that follows from answers, and its faults at the answers' own lines.

`check` itself judges the draft. Each line of the draft knows which answer it comes from, so a fault
is told where it can be mended.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.checking import examine
from gateway.commissioning.site_piece import flow
from gateway.errors import ConfigError, Fault
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gateway.initial.answers import Answers

KeyPath = tuple[str | int, ...]
SITE_MODE = 0o640


class Line(NamedTuple):
    """One line of the draft, and the answer that it comes from."""

    text: str
    path: KeyPath


def lines(answers: Answers, found: Sequence[tuple[int, str]] = ()) -> list[Line]:
    """The site file, line by line.

    Args:
        answers: what was answered.
        found: for each scan that found something its index, and devices as a site file has them.
    """
    made = [Line(_("# Made by nxgate init; nxgate check says whether it can run."), ())]
    made += [Line("site:", ("site",))]
    made += _keys(answers.site, "  ", ("site",))
    if answers.devices or found:
        made.append(Line("devices:", ("devices",)))
    for name, device in answers.devices.items():
        made.append(Line(f"  {_word(name)}:", ("devices", name)))
        made += _keys(device, "    ", ("devices", name))
    for index, piece in found:
        made += [Line(text, ("scan", index)) for text in piece.splitlines()]
    if answers.broker is not None:
        made += [Line("publish:", ("broker",)), Line("  cluster:", ("broker",))]
        made += _keys({"kind": "mqtt"} | answers.broker, "    ", ("broker",))
    if answers.store is not None:
        made += [Line("store:", ("store",)), Line(f"  path: {flow(answers.store)}", ("store",))]
    return made


def _keys(values: Mapping[str, object], indent: str, path: KeyPath) -> Iterator[Line]:
    """A key a line; one that was left empty is none."""
    for key, value in values.items():
        if value is not None:
            yield Line(f"{indent}{_word(key)}: {flow(value)}", (*path, key))


def _word(key: str) -> str:
    """A key as YAML takes it, whatever somebody typed."""
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else flow(key)


def text_of(made: Iterable[Line]) -> str:
    """The whole file."""
    return "".join(f"{line.text}\n" for line in made)


def judge(
    made: Sequence[Line], target: Path, where: Callable[[KeyPath], tuple[str, int, int]]
) -> tuple[list[Fault], list[tuple[KeyPath, Fault]]]:
    """Have `check` judge a draft as if it stood at its place.

    Args:
        made: the draft.
        target: where it will stand; relative paths start from its folder.
        where: file, line and column of an answer.

    Returns:
        Notices, and faults with the answers that they are about; both at the answers' places.

    Raises:
        ConfigError: nothing can be written into the folder.
    """
    try:
        handle, name = tempfile.mkstemp(".yaml", ".draft-", target.parent)
    except OSError as error:
        raise ConfigError([_unwritable(target, error)]) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text_of(made))
        faults, notices = examine(Path(name))
    finally:
        Path(name).unlink()

    def moved(fault: Fault) -> tuple[KeyPath, Fault]:
        path = made[fault.line - 1].path if fault.file == name and fault.line else ()
        file, line, column = where(path)
        if fault.file != name:
            file, line, column = fault.file, fault.line, fault.column
        return path, replace(fault, file=file, line=line, column=column)

    return [moved(notice)[1] for notice in notices], [moved(fault) for fault in faults]


def refuse_existing(target: Path) -> None:
    """Let no site file be written over.

    Raises:
        ConfigError: there is one.
    """
    if target.exists() or target.is_symlink():
        what = _("there is a site file already, and it stays as it is")
        next_ = _("name another file, or move this one away first")
        raise ConfigError([Fault(str(target), 0, 0, "file-exists", what, next_)])


def write(made: Sequence[Line], target: Path) -> None:
    """Put the site file at its place, readable by the group of its folder: the service's.

    Raises:
        ConfigError: there is one already, or the disk refuses.
    """
    refuse_existing(target)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with fresh.open("x", encoding="utf-8") as file:
            fresh.chmod(SITE_MODE)
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                os.chown(fresh, -1, target.parent.stat().st_gid)
            file.write(text_of(made))
            file.flush()
            os.fsync(file.fileno())
        if os.name == "posix":
            os.link(fresh, target)  # which, unlike a rename, replaces nothing
        else:
            fresh.rename(target)
    except FileExistsError:
        refuse_existing(target)
        raise
    except OSError as error:
        raise ConfigError([_unwritable(target, error)]) from error
    finally:
        fresh.unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> Fault:
    what = _("the file can't be written: {error}").format(error=error.strerror)
    next_ = _("make its folder, or run this as a user who may write there (sudo)")
    return Fault(str(target), 0, 0, "unwritable-file", what, next_)
