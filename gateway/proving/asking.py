"""Who says what a display shows: somebody at the terminal, or a file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import click

from gateway.errors import ConfigError, Fault
from gateway.proving.comparing import Result
from gateway.sheets.table import read
from gateway.words import _, chosen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.proving.proof import Entry

HEADS = {
    "device": "device",
    "设备": "device",
    "tag": "tag",
    "点位": "tag",
    "shown": "shown",
    "显示": "shown",
    "显示值": "shown",
    "note": "note",
    "备注": "note",
}
"""Head of a column → what it holds."""


class Step(StrEnum):
    """What to do, where no value is given."""

    SKIP = "skip"
    AGAIN = "again"
    BACK = "back"
    QUIT = "quit"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said.

    Attributes:
        shown: the value, or "" with a step.
    """

    shown: str = ""
    step: Step | None = None
    note: str = ""


class Asker(Protocol):
    """Says what displays show."""

    patient: bool
    """Whether it can be asked again."""

    def ask(self, entry: Entry, turn: str) -> Answer:
        """What does the display show for this tag? `turn` is e.g. `3/12`."""

    def tell(self, text: str) -> None:
        """Hear what came of it."""

    def keeps(self, entry: Entry) -> bool:
        """Say whether a result that isn't good stands; else the tag is asked again."""


class Terminal:
    """Somebody who looks at the display."""

    patient = True

    def ask(self, entry: Entry, turn: str) -> Answer:
        """Ask; what the gateway reads isn't shown, so that nobody copies it."""
        click.echo(f"\n[{turn}] {title(entry)}")
        unit = f" ({entry.unit})" if entry.unit else ""
        while True:
            try:
                said: str = click.prompt(
                    _("shown on the display{unit}; ? for help").format(unit=unit), type=str
                )
            except (click.Abort, EOFError):
                click.echo()
                return Answer(step=Step.QUIT)
            said = unicodedata.normalize("NFKC", said).strip()  # as a Chinese keyboard may type it
            if said == "?":
                click.echo(
                    _(
                        "type the value with all digits that the display shows\n"
                        "  /skip      leave this tag out\n"
                        "  /again     read it again\n"
                        "  /back      to the tag before\n"
                        "  /note TEXT say something about it\n"
                        "  /quit      go on later, with the same command"
                    )
                )
                continue
            word, _space, rest = said.removeprefix("/").partition(" ")
            if not said.startswith("/"):
                return Answer(said)
            step = next((one for one in Step if word and one.startswith(word.lower())), None)
            if step is None or (step is Step.NOTE and not rest.strip()):
                click.echo(_("{word} is no such step: ? shows them").format(word=said))
                continue
            return Answer(step=step, note=rest.strip())

    def tell(self, text: str) -> None:
        """Show what came of it."""
        click.echo(text)

    def keeps(self, entry: Entry) -> bool:
        """Ask whether it stands."""
        del entry
        try:
            return not click.confirm(_("read and type it again?"), default=True)
        except (click.Abort, EOFError):
            return True


class Shown:
    """What a sheet says that displays show, for a rehearsal or a test.

    Args:
        path: CSV or XLSX with the columns device, tag, shown and, if wanted, note.

    Raises:
        ConfigError: it can't be read, or lacks a column.
    """

    patient = False

    def __init__(self, path: Path) -> None:
        lines = read(path)
        heads = [HEADS.get(cell.lower(), "") for cell in lines[0].cells] if lines else []
        if missing := [name for name in ("device", "tag", "shown") if name not in heads]:
            what = _("the first row names no column {names}").format(names=", ".join(missing))
            next_ = _("it must be: {head}").format(head="device,tag,shown,note")
            raise ConfigError([Fault(str(path), 1, 1, "missing-column", what, next_)])
        self._path = path
        self._rows: dict[tuple[str, str], tuple[int, Mapping[str, str]]] = {}
        for line in lines[1:]:
            cells = {head: cell for head, cell in zip(heads, line.cells, strict=False) if head}
            self._rows[cells.get("device", ""), cells.get("tag", "")] = line.number, cells

    def check(self, known: set[tuple[str, str]]) -> None:
        """Refuse rows of tags that aren't proved.

        Raises:
            ConfigError: with each of them.
        """
        faults = []
        for key, (number, _cells) in self._rows.items():
            if key not in known:
                what = _("{tag} is not among the tags to be proved").format(tag=".".join(key))
                next_ = _("correct it, or add --all")
                faults.append(Fault(str(self._path), number, 1, "unknown-tag", what, next_))
        if faults:
            raise ConfigError(faults)

    def ask(self, entry: Entry, turn: str) -> Answer:
        """Look it up; what isn't in the sheet is skipped."""
        del turn
        _number, cells = self._rows.get((entry.device, entry.tag), (0, {}))
        note = cells.get("note", "")
        shown = cells.get("shown", "")
        return Answer(shown, None if shown else Step.SKIP, note)

    def tell(self, text: str) -> None:
        """Show what came of it."""
        click.echo(text)

    def keeps(self, entry: Entry) -> bool:
        """A sheet says nothing else when it is asked again."""
        del entry
        return True


def title(entry: Entry) -> str:
    """Name a tag for whoever looks for its display."""
    text = entry.name.get(chosen()) or next(iter(entry.name.values()), "")
    feeds = f" → {', '.join(entry.feeds)}" if entry.feeds else ""
    return f"{entry.device}.{entry.tag} ({entry.at}) {text}{feeds}".replace("  ", " ")


def spoken(result: str | None) -> str:
    """A result in the language of whoever reads it."""
    words = {
        Result.OK: _("agrees"),
        Result.DIFFERS: _("differs"),
        Result.MOVING: _("moves too much to prove anything"),
        Result.UNREADABLE: _("can't be read"),
        Result.SKIPPED: _("left out"),
    }
    return words[Result(result)] if result else _("open")
