"""The command line: thin commands, each loading only what it needs.

`run` stays in one process for ten years, so nothing that only a display needs is imported here.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from gateway import __version__
from gateway.exits import in_words
from gateway.words import LANGUAGES, _

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SITE = click.argument("site", type=click.Path(path_type=Path))

COMMANDS = "nxgate.commands"
FIRST_HOUR = ("scan", "browse", "infer", "write")
"""What an integrator does at a line; `gateway.commissioning.command` has them."""


class _Commands(click.Group):
    """Shows commands in the order of a first hour, and errors as words, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those below in their order, then what other packages bring (`nxgate.commands`)."""
        del ctx
        own = list(self.commands)
        after = own.index("read") + 1
        return [*own[:after], *FIRST_HOUR, *own[after:], *_others()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; another package's is loaded when it is called or listed."""
        found = super().get_command(ctx, cmd_name)
        if cmd_name in FIRST_HOUR:
            from gateway.commissioning import command  # noqa: PLC0415

            found = cast("click.Command", getattr(command, cmd_name))
        if found is None and (other := _others().get(cmd_name)) is not None:
            found = cast("click.Command", other.load())
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what the gateway raises on purpose is for people."""
        with in_words():
            return super().invoke(ctx)


def _others() -> dict[str, EntryPoint]:
    """Commands that other packages bring, not yet loaded."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - 2 MB that `run` can spare

    return {point.name: point for point in entry_points(group=COMMANDS)}


@click.group(cls=_Commands, help=_("Edge gateway: machines and meters in, provable figures out."))
@click.version_option(__version__, prog_name="nxgate")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help=_("Language of messages; else the locale's.")
)
def cli(lang: str | None) -> None:
    """Hold the options that every command shares; `gateway.__main__` has obeyed --lang."""
    del lang


@cli.command(help=_("Check a site file: every fault at once, as file:line:column."))
@SITE
@click.option("--json", "as_json", is_flag=True, help=_("Print faults and notices as JSON."))
def check(site: Path, *, as_json: bool) -> None:
    """Exit 0 when the file can run, 2 when it has faults."""
    from gateway.checking import report  # noqa: PLC0415

    sys.exit(report(site, as_json=as_json))


@cli.command(help=_("Print a JSON Schema, with which editors complete and check."))
@click.argument("which", type=click.Choice(["site", "profile"]))
def schema(which: str) -> None:
    """Print the schema of the site file or of an industry profile."""
    import json  # noqa: PLC0415

    from gateway.config import schema_site  # noqa: PLC0415
    from gateway.resolution.profile_schema import schema_profile  # noqa: PLC0415

    made = schema_site() if which == "site" else schema_profile()
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


@cli.command(help=_("Run the gateway until it is told to stop."))
@SITE
@click.option("--verbose", is_flag=True, help=_("Log more."))
@click.option(
    "--trust-clock",
    is_flag=True,
    help=_("Take the system's clock for right, where nothing on this box could confirm it."),
)
def run(site: Path, *, verbose: bool, trust_clock: bool) -> None:
    """Run; the store is left whole whenever and however it stops."""
    from gateway.running import Wanted  # noqa: PLC0415
    from gateway.running import run as run_site  # noqa: PLC0415

    run_site(Wanted(site, verbose, trust_clock))


@cli.command(help=_("Have the running gateway read its changed site file at once."))
@SITE
def reload(site: Path) -> None:
    """Exit 0 when the file runs, 2 when it has faults and the gateway runs on as it was."""
    from gateway.asking import reload_site  # noqa: PLC0415

    sys.exit(reload_site(site))


@cli.command(help=_("Read a device (or one tag) once: raw registers and values."))
@SITE
@click.argument("what", metavar="DEVICE[.TAG]")
@click.option("--json", "as_json", is_flag=True, help=_("Print readings as JSON."))
def read(site: Path, what: str, *, as_json: bool) -> None:
    """Exit 1 when the device doesn't answer or a value can't be read."""
    from gateway.reading import show  # noqa: PLC0415

    sys.exit(asyncio.run(show(site, what, as_json=as_json)))


@cli.command(help=_("Say what polling takes of each link, and whether it fits."))
@SITE
@click.option("--json", "as_json", is_flag=True, help=_("Print requests and shares as JSON."))
def plan(site: Path, *, as_json: bool) -> None:
    """Exit 1 where a link can't carry what the site file asks of it."""
    from gateway.planning import plan as plan_site  # noqa: PLC0415

    sys.exit(plan_site(site, as_json=as_json))


@cli.command(help=_("Watch a running gateway: assets, values, quality, OEE, outbox."))
@click.argument("site", metavar="SITE|FOLDER", type=click.Path(path_type=Path))
@click.option("--seconds", type=float, help=_("Stop by itself after so long."))
@click.option("--plain", is_flag=True, help=_("Plain lines, as when the output is no terminal."))
def watch(site: Path, seconds: float | None, *, plain: bool) -> None:
    """Show what the gateway on this site's store tells of itself."""
    from gateway.watch import follow_site  # noqa: PLC0415

    sys.exit(follow_site(site, seconds, plain=plain or not sys.stdout.isatty()))


@cli.command(help=_("Replay a trace: the records that follow from it."))
@SITE
@click.argument("trace", type=click.Path(path_type=Path))
@click.option("--until", help=_("Let time pass up to here: 2026-11-02 or 2026-11-01T08:00."))
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "mqtt"]),
    default="json",
    help=_("json: the payload with line, asset and class in front; mqtt: topic and payload."),
)
def replay(site: Path, trace: Path, until: str | None, form: str) -> None:
    """Exit 2 where the site file or the trace has faults, all of them told."""
    from gateway.tracing.replaying import replay as play  # noqa: PLC0415

    sys.exit(play(site, trace, until, form))


@cli.command(help=_("Propose the levels of a machine's power from a recording of it."))
@click.argument("asset")
@click.option(
    "--from",
    "recording",
    required=True,
    type=click.Path(path_type=Path),
    help=_("A trace with the signal power, and state where somebody noted it."),
)
@click.option("--site", type=click.Path(path_type=Path), help=_("A site file with that asset."))
@click.option(
    "--labels/--no-labels",
    default=None,
    help=_("Go by the states noted, or by the power alone; else as the recording has them."),
)
def learn(asset: str, recording: Path, site: Path | None, *, labels: bool | None) -> None:
    """Exit 1 where the recording gives no settings, 2 where a file has faults."""
    from gateway.learning.command import learn as propose  # noqa: PLC0415

    sys.exit(propose(asset, recording, site, labels=labels))


@cli.command(help=_("Show how the figures of a window came about."))
@click.argument("asset")
@click.argument("window", metavar="WINDOW")
@click.option("--site", type=click.Path(path_type=Path), required=True, help=_("The site file."))
@click.option(
    "--trace", type=click.Path(path_type=Path), help=_("A trace; else the site's own store.")
)
@click.option("--product", default="", help=_("Of a shift or day: the part of one product."))
@click.option("--json", "as_json", is_flag=True, help=_("Print it as JSON."))
def explain(
    asset: str, window: str, site: Path, trace: Path | None, product: str, *, as_json: bool
) -> None:
    """Read beside a running gateway; a window is named as `hour@2026-03-02T08:00`, `today`, …."""
    from gateway.tracing.explaining import show  # noqa: PLC0415

    sys.exit(show(asset, window, site, trace, product, as_json=as_json))


@cli.command(help=_("Record a trace of what the site's machines tell."))
@SITE
@click.option("-o", "--out", type=click.Path(path_type=Path), help=_("File; else on screen."))
@click.option("--for", "length", help=_("How long, e.g. 10min; else until Ctrl-C."))
@click.option(
    "--wire", is_flag=True, help=_("Keep each question and answer, for nxgate simulate --wire.")
)
@click.option("--size", default="64MiB", show_default=True, help=_("Of --wire: of the file."))
def record(site: Path, out: Path | None, length: str | None, size: str, *, wire: bool) -> None:
    """Listen to the gateway that runs on the site, or poll its devices where none does."""
    from gateway.sitefile.units import seconds, size_bytes  # noqa: PLC0415

    try:
        seconds_ = None if length is None else seconds(length)
        most = size_bytes(size)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not wire:
        from gateway.tracing.recording import record as listen  # noqa: PLC0415

        sys.exit(listen(site, out, seconds_))
    from gateway.tracing.wire import record_wire  # noqa: PLC0415

    if out is None:
        raise click.UsageError(_("--wire writes a file: name it with -o"))
    sys.exit(record_wire(site, out, seconds_, most))


@cli.group(help=_("Industry profiles: begin, check and try one."))
def profile() -> None:
    """Hold the commands that whoever writes a profile needs."""


@profile.command(help=_("Write a profile to begin with, and a trace with what it must lead to."))
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path), default=Path())
@click.option(
    "--extends", default="common", show_default=True, help=_("The profile that it is laid over.")
)
def new(name: str, folder: Path, extends: str) -> None:
    """Exit 2 where the name can't be one, or a file is already there."""
    from gateway.authoring.starter import write  # noqa: PLC0415

    sys.exit(write(name, folder, extends))


@profile.command("check", help=_("Check a profile or an extension alone: every fault at once."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help=_("Print faults as JSON."))
def check_profile(file: Path, *, as_json: bool) -> None:
    """Exit 0 when it has no faults, 2 when it has."""
    from gateway.authoring.check import report  # noqa: PLC0415

    sys.exit(report(file, as_json=as_json))


@profile.command(help=_("Replay a profile's traces and compare with what is expected of them."))
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True))
def test(file: Path | None) -> None:
    """Exit 0 when all figures are as expected, 1 when not, 2 where a file has faults."""
    from gateway.tracing.cases import run as try_all  # noqa: PLC0415

    sys.exit(try_all(file))


@cli.command(help=_("Enter rejects, stops, products, orders by hand."))
@click.argument("words", metavar="ASSET WHAT VALUE | SITE", nargs=-1)
@click.option("--site", type=click.Path(path_type=Path), help=_("The site file."))
@click.option(
    "--csv",
    "sheet",
    type=click.Path(path_type=Path),
    help=_("Rows of time, asset, what, value, reason, instead of one entry."),
)
@click.option("--reason", help=_("Why."))
@click.option("--at", help=_("When it began to hold, local; else now."))
@click.option("--by", help=_("Who says it, beside the account."))
def enter(
    words: tuple[str, ...],
    site: Path | None,
    sheet: Path | None,
    reason: str | None,
    at: str | None,
    by: str | None,
) -> None:
    """Exit 1 where something was not taken, 2 where a file can't be read."""
    from gateway.enter import enter_one, enter_sheet  # noqa: PLC0415

    if sheet is not None:
        if site is None and len(words) == 1:
            site = Path(words[0])
        if site is None:
            raise click.UsageError(_("name the site file: nxgate enter --csv FILE SITE"))
        sys.exit(enter_sheet(site, sheet, by))
    if site is None or len(words) != len(("asset", "what", "value")):
        text = _("write e.g. nxgate enter press-1 reject 5 --reason scratch --site site.yaml")
        raise click.UsageError(text)
    sys.exit(enter_one(site, words, reason, at, by))


@cli.command(help=_("Show the audit log of commands, and verify it."))
@SITE
@click.option(
    "--verify",
    "check",
    is_flag=True,
    help=_("Say whether lines were changed, taken out or put in; exit 1 when they were."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print lines as JSON."))
@click.option("--last", type=click.IntRange(1), help=_("Only the newest lines."))
def audit(site: Path, *, check: bool, as_json: bool, last: int | None) -> None:
    """Read the log beside this site's store; a gateway may be running."""
    from gateway.commands.show import show  # noqa: PLC0415
    from gateway.templates import load  # noqa: PLC0415

    plant = load(site)
    zone = plant.timezone
    sys.exit(show(plant.store.path, zone, check=check, as_json=as_json, last=last))
