"""`nxgate simulate`, which the command line finds by its entry point."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.words import _
from simulators.run import simulate as serve


@click.command(help=_("Run a simulated workshop that speaks the real protocol."))
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--truth", type=click.Path(path_type=Path), help=_("Write what really happened."))
@click.option("--seconds", type=float, help=_("Stop by itself after so long."))
@click.option("--seed", type=int, help=_("Another run of the same workshop."))
@click.option("--port-base", type=int, help=_("First port, instead of the scenario's."))
def simulate(
    scenario: Path,
    truth: Path | None,
    seconds: float | None,
    seed: int | None,
    port_base: int | None,
) -> None:
    """Serve the scenario's devices until stopped."""
    serve(scenario, truth=truth, seconds=seconds, seed=seed, port_base=port_base)
