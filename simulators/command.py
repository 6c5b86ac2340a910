"""`nxgate simulate`, which the command line finds by its entry point."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.words import _


@click.command(help=_("Simulate a workshop, or the devices of a site file."))
@click.argument("scenario", required=False, type=click.Path(path_type=Path))
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    help=_("Serve every device of this site file; the scenario is a timeline of faults then."),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=_("With --site: write a copy of it that leads to the simulated devices."),
)
@click.option(
    "--wire",
    type=click.Path(path_type=Path),
    help=_("Play back what nxgate record --wire kept, instead."),
)
@click.option("--truth", type=click.Path(path_type=Path), help=_("Write what really happened."))
@click.option("--seconds", type=float, help=_("Stop by itself after so long."))
@click.option("--seed", type=int, help=_("Another run of the same workshop."))
@click.option(
    "--port-base", type=click.IntRange(0, 60_000), help=_("First port, instead of the scenario's.")
)
def simulate(
    scenario: Path | None,
    site: Path | None,
    out: Path | None,
    wire: Path | None,
    truth: Path | None,
    seconds: float | None,
    seed: int | None,
    port_base: int | None,
) -> None:
    """Serve devices until stopped."""
    from simulators.run import Wanted, play, rehearse  # noqa: PLC0415
    from simulators.run import simulate as serve  # noqa: PLC0415

    wanted = Wanted(truth, seconds, seed, port_base)
    if wire is not None:
        if scenario is not None or truth is not None:
            raise click.UsageError(_("a recording has neither a scenario nor a truth"))
        play(wire, site, out, wanted)
    elif site is not None:
        rehearse(site, scenario, out, wanted)
    elif scenario is None:
        raise click.UsageError(_("name a scenario, or a site file with --site"))
    elif out is not None:
        raise click.UsageError(_("--out goes with --site"))
    else:
        serve(scenario, wanted)
