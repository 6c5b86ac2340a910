"""`nxgate simulate`: serve a scenario in real time until stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.words import _
from simulators import scenario as scenarios
from simulators.serve import Simulation
from simulators.tag_meter import ALONE
from simulators.tags import Rehearsed
from simulators.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.playback import Playback, Recording
    from simulators.scenario import Scenario

STDIN = 0
say = partial(print, flush=True)
"""Lines are out at once, also into a pipe."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to simulate.

    Attributes:
        truth: where to write what really happens, as JSON lines.
        seconds: stop by itself after so long.
        seed: instead of the scenario's.
        port_base: see `Simulation`; of a site, its first port.
    """

    truth: Path | None = None
    seconds: float | None = None
    seed: int | None = None
    port_base: int | None = None


def simulate(scenario: Path, wanted: Wanted) -> None:
    """Serve a scenario until SIGINT, SIGTERM or the time is up; prints what there is and happens.

    A line on standard input is a fault to begin, spelled as in a timeline:
    `{on: plc-inj, fault: late, by: 800ms, for: 5s}`.

    Args:
        scenario: YAML file.
        wanted: how.

    Raises:
        ConfigError: the scenario is wrong, a port of it is taken, or the truth can't be written.
    """
    _run(scenarios.read(scenario), wanted, wanted.port_base)


def rehearse(site: Path, scenario: Path | None, out: Path | None, wanted: Wanted) -> None:
    """Serve every device of a site file, as `simulate` does a scenario's.

    Args:
        site: the site file.
        scenario: with a timeline for its devices; None: nothing goes wrong by itself.
        out: where to write a copy of the site file that leads to the simulated devices.
        wanted: how.

    Raises:
        ConfigError: a file is wrong, a port is taken, or one can't be written.
    """
    from simulators.rehearsal import rehearse as read  # noqa: PLC0415 - loads drivers' grammars
    from simulators.sitecopy import write  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="nxgate-lines-") as folder:
        seed = scenarios.seed_of(scenario) if wanted.seed is None else wanted.seed
        found = read(site, Path(folder), wanted.port_base, seed)
        plan = scenarios.over(scenario, found.document, found.devices)
        if out is not None:
            write(out, found.document, found.links)
        for name, scheme in found.unserved.items():
            text = _("{name}: not served, no simulator speaks {scheme}")
            say(text.format(name=name, scheme=scheme))
        _run(plan, wanted, None, out)


def play(recording: Path, site: Path | None, out: Path | None, wanted: Wanted) -> None:
    """Play back what went over a site's wires, until SIGINT, SIGTERM or the time is up.

    Args:
        recording: as `nxgate record --wire` writes it.
        site: the site file that it was made with, for `out`.
        out: where to write a copy of the site file that leads to the played links.
        wanted: how.

    Raises:
        ConfigError: a file is wrong, or can't be written, or a port is taken.
    """
    from simulators import playback  # noqa: PLC0415
    from simulators.local import local_links  # noqa: PLC0415
    from simulators.sitecopy import write  # noqa: PLC0415

    found = playback.read(recording)
    with tempfile.TemporaryDirectory(prefix="nxgate-lines-") as folder:
        served = local_links(site, list(found.answers), Path(folder), wanted.port_base)
        if out is not None and served.document is not None:
            write(out, served.document, served.links)
        with asyncio.Runner(loop_factory=_loops()) as runner:
            runner.run(_play(playback.Playback(found, served.places, say), found, wanted, out))


async def _play(played: Playback, found: Recording, wanted: Wanted, out: Path | None) -> None:
    stop = stopped()
    await played.open()
    for url, link in played.links.items():
        say(f"{url}  {link.place}")
    text = _("{count} questions of {seconds:.0f} s, over and over")
    say(text.format(count=found.count, seconds=found.lasts_s))
    if out is not None:
        say(_("{out}: the site file that leads to them").format(out=out))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wanted.seconds):
            await stop.wait()
    await played.close()


def _run(plan: Scenario, wanted: Wanted, port_base: int | None, out: Path | None = None) -> None:
    seed = plan.seed if wanted.seed is None else wanted.seed
    with (
        contextlib.closing(Truth(wanted.truth)) as told,
        asyncio.Runner(loop_factory=_loops()) as runner,
    ):
        simulation = Simulation(plan, told, seed, port_base)
        runner.run(_serve(simulation, plan, wanted.seconds, out))


async def _serve(
    simulation: Simulation, plan: Scenario, seconds: float | None, out: Path | None
) -> None:
    stop = stopped()
    loop = asyncio.get_running_loop()
    await simulation.open()
    width = max(map(len, plan.devices))
    for name, device in plan.devices.items():
        title = simulation.workshop.devices[name].title
        unit = _("unit {unit}").format(unit=device.unit)
        if isinstance(device, Rehearsed) and device.address is not None:
            unit = device.address or ALONE
        say(f"{name:{width}}  {unit:8}  {simulation.url(name)}  {title}")
    if out is not None:
        say(_("{out}: the site file that leads to them").format(out=out))
    async with asyncio.TaskGroup() as tasks:
        jobs = [tasks.create_task(simulation.suffer(entry, say)) for entry in plan.timeline]
        jobs.append(tasks.create_task(simulation.keep_time()))

        def command(line: str) -> None:
            try:
                trouble = scenarios.command(line, plan)
            except ConfigError as error:
                say(error)
                say(hint)
            else:
                jobs.append(tasks.create_task(simulation.suffer(trouble, say)))

        hint = _("a fault is typed e.g. {example}; Ctrl-C ends")
        hint = hint.format(example=f"{{on: {next(iter(plan.devices))}, fault: late, by: 800ms}}")
        if _listen(loop, command):
            say(hint)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()
        for job in jobs:
            job.cancel()
    simulation.sum_up()
    await simulation.close()


def stopped() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _listen(loop: asyncio.AbstractEventLoop, command: Callable[[str], None]) -> bool:
    """Hand on the lines of standard input, where somebody can type some; say whether at a terminal.

    In a thread, since a terminal set to non-blocking would be so for everyone who prints to it;
    with `os.read`, since a thread inside `sys.stdin` can't be left behind at exit.
    """
    try:
        mode = os.fstat(STDIN).st_mode
        typing = os.isatty(STDIN) and os.tcgetpgrp(STDIN) == os.getpgrp()
    except OSError:
        return False
    if not (typing or stat.S_ISFIFO(mode)):
        return False

    def read() -> None:
        pending = b""
        while data := os.read(STDIN, 4096):
            *lines, pending = (pending + data).split(b"\n")
            for line in filter(bytes.strip, lines):
                with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                    loop.call_soon_threadsafe(command, line.decode("utf-8", "replace"))

    threading.Thread(target=read, daemon=True, name="commands").start()
    return typing


def _loops() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - not on Windows

    return uvloop.new_event_loop
