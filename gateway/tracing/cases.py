"""`nxgate profile test`: a profile's own traces against the figures that are expected of them.

A profile `valves.yaml` has its cases in the folder `valves` beside it: `NAME.expected.yaml` says
what `NAME.jsonl` (or `.jsonl.gz`) must lead to at the site `NAME.site.yaml`, or `site.yaml` where
all cases share one. A site that names no industry is tried with the profile itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import orjson

from gateway.errors import ConfigError, Fault
from gateway.exits import FAILED, FAULTS
from gateway.resolution.library import PROFILES
from gateway.sitefile import document
from gateway.sitefile.document import instead
from gateway.tracing.expectation import Expectation, Expected, agrees, found
from gateway.tracing.playing import Player, polls
from gateway.tracing.stage import set_up
from gateway.tracing.window import NoWindow, moment, wanted
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from gateway.sitefile.document import Document
    from gateway.sitefile.yaml12 import KeyPath
    from gateway.tracing.stage import Stage

EXPECTED = ".expected.yaml"
TRACES = (".jsonl", ".jsonl.gz")


@dataclass(slots=True)
class Case:
    """One trace and what it must lead to.

    Attributes:
        name: of the profile's folder and the trace.
        profile: whose case it is.
        figures: how many were compared.
        wrong: what isn't as expected, in words, with its place.
    """

    name: str
    profile: Path | None
    path: Path
    figures: int = 0
    wrong: list[str] = field(default_factory=list)


def run(path: Path | None) -> int:
    """Try the cases of a profile, or of all that ship; 0 where all figures are as expected.

    Args:
        path: a profile, a folder of cases or one `.expected.yaml`; None: all that ship.

    Raises:
        ConfigError: there are no cases.
    """
    cases = list(_cases(path))
    if not cases:
        what = _("there are no cases to test")
        next_ = _("put NAME.jsonl and NAME.expected.yaml into a folder beside the profile")
        raise ConfigError([Fault(str(path or "profiles"), 0, 0, "no-cases", what, next_)])
    faults: list[Fault] = []
    for case in cases:
        try:
            _try(case)
        except ConfigError as error:
            faults += error.faults
            click.echo(_("{case}: not tried").format(case=case.name))
            continue
        if case.wrong:
            click.echo(_("{case}: FAILED").format(case=case.name))
            click.echo("".join(f"  {line}\n" for line in case.wrong), nl=False)
        else:
            text = _("{case}: ok, {count} figures")
            click.echo(text.format(case=case.name, count=case.figures))
    for fault in faults:
        click.echo(str(fault), err=True)
    if faults:
        return FAULTS
    return FAILED if any(case.wrong for case in cases) else 0


def _cases(path: Path | None) -> Iterator[Case]:
    if path is None:
        root = PROFILES.root()
        for name in PROFILES.names():
            yield from _in(root / name, root / f"{name}.yaml")
    elif path.name.endswith(EXPECTED):
        profile = path.parent.with_suffix(".yaml")
        yield _case(path, profile if profile.exists() else None)
    elif path.is_dir():
        profile = path.with_suffix(".yaml")
        yield from _in(path, profile if profile.exists() else None)
    else:
        yield from _in(path.with_suffix(""), path)


def _in(folder: Path, profile: Path | None) -> Iterator[Case]:
    if folder.is_dir():
        for path in sorted(folder.glob(f"*{EXPECTED}")):
            yield _case(path, profile)


def _case(path: Path, profile: Path | None) -> Case:
    return Case(f"{path.parent.name}/{path.name.removesuffix(EXPECTED)}", profile, path)


def _try(case: Case) -> None:
    """Replay a trace and compare.

    Raises:
        ConfigError: a file of the case has faults.
    """
    expected = document.load(case.path)
    wanted, faults = document.validate(expected, (), Expectation)
    if wanted is None:
        raise ConfigError(faults)
    stage = set_up(*_files(case), case.profile)
    zone = ZoneInfo(stage.plant.timezone)
    with _placed(expected, ("until",)):
        until_ms = None if wanted.until is None else moment(wanted.until, zone)
    records: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in Player(stage).play(polls(stage), until_ms):
        records.setdefault((record.asset, record.cls), []).append(orjson.loads(record.body))
    _check_assets(expected, wanted, {*(asset for asset, _cls in records), *stage.survey.assets})
    for place, one in enumerate(wanted.expect):
        path = "expect", place
        told = records.get((one.asset, one.record_class), [])
        with _placed(expected, (*path, "window" if one.at is None else "at")):
            body = _body(one, told, stage, zone)
        where = expected.at(path)
        if body is None:
            text = _("{where}: {asset}: no {cls} record of {window}")
            what = {"where": where, "asset": one.asset, "cls": one.record_class}
            case.wrong.append(text.format(**what, window=one.window or one.at))
            continue
        for name, figure in one.figures.items():
            case.figures += 1
            is_there, got = found(body, name)
            if is_there and agrees(figure, got, wanted.tolerance):
                continue
            text = _("{where}: {asset} {window} {figure}: expected {wanted}, got {got}")
            line = text.format(
                where=expected.at((*path, "figures", name)),
                asset=one.asset,
                window=one.window or one.at,
                figure=name,
                wanted=_spelled(figure),
                got=_spelled(got) if is_there else _("nothing of that name"),
            )
            case.wrong.append(line)


def _check_assets(expected: Document, wanted: Expectation, known: Collection[str]) -> None:
    """Raise `ConfigError` where figures of an asset are expected that nothing is told of."""
    faults = [
        expected.fault(("expect", place, "asset"), "unknown-asset", what, instead(one.asset, known))
        for place, one in enumerate(wanted.expect)
        for what in [_("there is no asset {name}").format(name=one.asset)]
        if one.asset not in known
    ]
    if faults:
        raise ConfigError(faults)


def _files(case: Case) -> tuple[Path, Path]:
    """The site file and the trace of a case.

    Raises:
        ConfigError: one of them isn't there.
    """
    folder, name = case.path.parent, case.path.name.removesuffix(EXPECTED)
    sites = [folder / f"{name}.site.yaml", folder / "site.yaml"]
    traces = [folder / f"{name}{ending}" for ending in TRACES]
    chosen: list[Path] = []
    for choice in (sites, traces):
        present = [path for path in choice if path.exists()]
        if not present:
            what = _("there is no {names} beside it").format(
                names=_(" or ").join(path.name for path in choice)
            )
            next_ = _("a case is a site file, a trace and what is expected of it")
            raise ConfigError([Fault(str(case.path), 0, 0, "no-such-file", what, next_)])
        chosen.append(present[0])
    return chosen[0], chosen[1]


def _body(
    one: Expected, told: list[dict[str, Any]], stage: Stage, zone: ZoneInfo
) -> Mapping[str, Any] | None:
    """The record that an expectation is about.

    Raises:
        NoWindow: its time or window is none.
    """
    if one.at is not None:
        at_ms = moment(one.at, zone)
        return next((body for body in reversed(told) if body["since"] <= at_ms), None)
    today = datetime.fromtimestamp(stage.survey.last_ms / 1000, zone).date()
    return wanted(one.window or "", zone, today, one.product).newest(told, zone)


@contextmanager
def _placed(expected: Document, path: KeyPath) -> Iterator[None]:
    """Tell a time or a window that is none with its place."""
    try:
        yield
    except NoWindow as error:
        raise ConfigError([expected.fault(path, "bad-window", error.what, error.next)]) from error


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
