"""The course of a proof: the walk, the outage, the sheet to sign."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gateway.errors import ConfigError, Fault, GatewayError
from gateway.exits import FAILED as EXIT_FAILED
from gateway.proving.asking import Shown, Terminal, spoken
from gateway.proving.own_run import running
from gateway.proving.proof import FAILED, PASSED, Outage, begin, load, now
from gateway.proving.selection import select
from gateway.proving.sources import Direct, Running, is_running
from gateway.proving.walk import walk
from gateway.templates import load as load_site
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.plant import Plant
    from gateway.proving.asking import Asker
    from gateway.proving.proof import Proof
    from gateway.proving.selection import Asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to prove.

    Attributes:
        out: the JSON file; None: beside the site file.
        shown: a sheet of what displays show; None: somebody at the terminal says it.
        by: who proves it; None: it is asked, or the account.
        cut: seconds; 0: no broker is cut.
        patience: seconds for the outage's records to come; None: as their number asks.
        whole: all tags.
        fresh: forget what was proved before.
    """

    site: Path
    out: Path | None
    shown: Path | None
    by: str | None
    cut: float
    patience: float | None
    whole: bool
    fresh: bool


def prove(wanted: Wanted) -> int:
    """Prove a site; 0 where all is proved, else EXIT_FAILED.

    Raises:
        ConfigError: the site file, the sheet or an earlier proof is wrong.
    """
    plant = load_site(wanted.site)
    asked = select(plant, whole=wanted.whole)
    if not asked:
        what = _("no tag is of layer N or feeds a figure")
        next_ = _("prove all that is read, with --all")
        raise ConfigError([Fault(str(wanted.site), 0, 0, "no-tags", what, next_)])
    asker = _asker(wanted, asked)
    path = wanted.out or wanted.site.with_name(f"{wanted.site.stem}.proof.json")
    proof = _proof(wanted, plant, path)
    proof.lay_over(asked)

    def save() -> None:
        proof.save(path)

    with asyncio.Runner() as runner:
        is_over = _walk(proof, asked, plant, asker, runner, save)
        if is_over and wanted.cut and plant.publish and not _is_cut(proof):
            _cut(proof, wanted, plant, runner)
    if is_over:
        proof.ended = now()
    save()
    sheet = path.with_suffix(".xlsx")
    _sign(proof, sheet)
    _tell(proof, path, sheet, is_over=is_over)
    return 0 if proof.result == PASSED and is_over else EXIT_FAILED


def _asker(wanted: Wanted, asked: Sequence[Asked]) -> Asker:
    if wanted.shown is None:
        return Terminal()
    shown = Shown(wanted.shown)
    shown.check({(one.tag.device, one.tag.name) for one in asked})
    return shown


def _proof(wanted: Wanted, plant: Plant, path: Path) -> Proof:
    """Begin a proof, or go on with one that was broken off.

    Raises:
        ConfigError: the file holds no proof, or one that is signed off.
    """
    digest = hashlib.sha256(wanted.site.read_bytes()).hexdigest()
    if not wanted.fresh and path.exists():
        proof = load(path)
        if proof.ended is not None and proof.result == PASSED:
            what = _("this proof is complete, of {time}").format(time=proof.ended)
            next_ = _("name another file with --out, or begin anew with --fresh")
            raise ConfigError([Fault(str(path), 0, 0, "file-exists", what, next_)])
        for entry in proof.tags:  # what failed or was left out is asked again
            if entry.result != "ok":
                entry.result = None
        proof.outages = [one for one in proof.outages if one.result == PASSED]
        proof.ended, proof.site["sha256"] = None, digest
        proof.scope = "all" if wanted.whole else "n"
        proof.by = wanted.by or proof.by
        left = len(proof.open)
        click.echo(_("going on with {path}: {n} tags are open").format(path=path, n=left))
        return proof
    made = begin(plant, digest, wanted.by or _who(wanted), _account(), whole=wanted.whole)
    if path.exists():
        _keep(path)
    return made


def _keep(path: Path) -> None:
    """Give what an earlier proof left another name, as somebody may have signed it.

    Raises:
        ConfigError: it can't be renamed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for old in (path, path.with_suffix(".xlsx")):
        kept = old.with_name(f"{old.stem}.{stamp}{old.suffix}")
        try:
            if old.exists():
                old.replace(kept)
                click.echo(_("kept as {path}: the proof before").format(path=kept))
        except OSError as error:
            what = _("the file can't be written: {error}").format(error=error.strerror or error)
            next_ = _(
                "choose a folder that is yours, and close the file where a program has it open"
            )
            raise ConfigError([Fault(str(old), 0, 0, "unwritable", what, next_)]) from error


def _who(wanted: Wanted) -> str:
    if wanted.shown is not None:
        return _account()
    said: str = click.prompt(_("who are you?"), default=_account().partition("@")[0])
    return said.strip()


def _account() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "?"
    return f"{user}@{platform.node()}"


def _walk(
    proof: Proof,
    asked: Sequence[Asked],
    plant: Plant,
    asker: Asker,
    runner: asyncio.Runner,
    save: Callable[[], None],
) -> bool:
    folder = plant.store.path
    source = Running(plant) if runner.run(is_running(folder)) else Direct(plant)
    if isinstance(source, Running):
        click.echo(_("a gateway runs on this site: it reads, between its polls"))
    try:
        return walk(proof, asked, source, asker, runner, save)
    finally:
        runner.run(source.close())


def _is_cut(proof: Proof) -> bool:
    return bool(proof.outages) and all(one.result == PASSED for one in proof.outages)


def _cut(proof: Proof, wanted: Wanted, plant: Plant, runner: asyncio.Runner) -> None:
    """Cut the broker, by the gateway that runs or by one that is started for it."""
    from gateway.proving.outage import prove_outages  # noqa: PLC0415 - a store is read there

    try:
        with running(wanted.site, plant.store.path, runner) as is_ours:
            if is_ours:
                click.echo(_("no gateway runs on this site: one is started for the outage"))
            proof.outages = runner.run(prove_outages(plant, wanted.cut, wanted.patience))
    except GatewayError as error:
        proof.outages = [
            Outage(name, "", wanted.cut, now(), now(), why=str(error)) for name in plant.publish
        ]


def _sign(proof: Proof, sheet: Path) -> None:
    """Write the sheet to sign.

    Raises:
        ConfigError: it can't be written.
    """
    from gateway.proving.signoff import as_sheet  # noqa: PLC0415 - 0.2 s that only it needs

    try:
        sheet.write_bytes(as_sheet(proof))
    except OSError as error:
        what = _("the file can't be written: {error}").format(error=error.strerror or error)
        next_ = _("choose a folder that is yours, and close the file where a program has it open")
        raise ConfigError([Fault(str(sheet), 0, 0, "unwritable", what, next_)]) from error


def _tell(proof: Proof, path: Path, sheet: Path, *, is_over: bool) -> None:
    """Say what is proved and what isn't."""
    click.echo()
    results = [entry.result for entry in proof.tags]
    for result in dict.fromkeys(results):
        n = results.count(result)
        click.echo(
            _("{n} of {all} tags: {result}").format(n=n, all=len(results), result=spoken(result))
        )
    for outage in proof.outages:
        text = _(
            "{name}: {stored} records stored in {seconds:g} s without broker,"
            " {delivered} acknowledged, {heard} heard"
        )
        heard = "–" if outage.heard is None else outage.heard
        click.echo(
            text.format(
                name=outage.publisher,
                stored=outage.stored,
                seconds=outage.seconds,
                delivered=outage.delivered,
                heard=heard,
            )
        )
        if outage.why:
            click.echo(f"{outage.publisher}: {outage.why}")
    words = {PASSED: _("passed"), FAILED: _("failed")}
    click.echo(
        _("{result}: {path}, {sheet}").format(
            result=words.get(proof.result, _("incomplete")), path=path, sheet=sheet
        )
    )
    if not is_over:
        click.echo(_("the same command goes on from here"))
