"""A workshop in real time on real ports, with its faults."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.words import _
from simulators import pdu
from simulators.dlt645 import Party
from simulators.faults import COUNTING
from simulators.nodes import ServerMachine
from simulators.pdu import READS
from simulators.place import SERVER
from simulators.server import Link
from simulators.tag_meter import TagMeter
from simulators.tags import Rehearsed
from simulators.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.faults import Fault
    from simulators.place import Place
    from simulators.scenario import Scenario, Trouble
    from simulators.server import Answers
    from simulators.truth import Truth
    from simulators.ua_server import ServedMachine


class Simulation:
    """A workshop on its links.

    Time passes only here: before every request the machines are brought up to the moment, and
    between requests whenever something is due.

    Attributes:
        workshop: what is simulated.
        links: by what names a port or line of the scenario.
    """

    def __init__(self, plan: Scenario, truth: Truth, seed: int, port_base: int | None) -> None:
        """Set up; the clock starts here, but nothing listens before `open`.

        Args:
            plan: the scenario.
            truth: takes what happens.
            seed: of the run.
            port_base: the scenario's lowest port becomes this one, and the others keep their
                distance; 0 takes any free ports, None leaves them as they are.
        """
        self._plan = plan
        self._truth = truth
        self._active: dict[str, list[Fault]] = {name: [] for name in plan.devices}
        self._began_s = time.monotonic()
        self.workshop = Workshop(plan, seed, round(time.time() * 1000))
        self.links: dict[object, Link | ServedMachine] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="nxgate-servers-")
        places = {name: device.place for name, device in plan.devices.items()}
        lowest = min((place.port for place in places.values() if place.port), default=0)
        for key in dict.fromkeys(place.key for place in places.values()):
            there = {name: place for name, place in places.items() if place.key == key}
            first = next(iter(there))
            if there[first].scheme == SERVER:
                moved = there[first].at_port(_moved(there[first].port, lowest, port_base))
                self.links[key] = self._server(first, moved, seed)
                continue
            meters = [meter for name in there if (meter := self._meter(name))]
            names = {plan.devices[n].unit: n for n in there if self._meter(n) is None}
            # Of a line with several protocols, Modbus has framings to choose from.
            place = there[next(iter(names.values()), next(iter(there)))]
            self.links[key] = Link(
                place.at_port(_moved(place.port, lowest, port_base)),
                {unit: self._answers(name) for unit, name in names.items()},
                self._advance,
                self._note_read(names) if plan.log_reads else None,
                seed,
                Party([meter.meter for meter in meters]) if meters else None,
            )

    @property
    def elapsed_s(self) -> float:
        """Since the start, by a clock that nobody sets."""
        return time.monotonic() - self._began_s

    def url(self, name: str) -> str:
        """Return a device's link as it really is, free ports filled in."""
        place = self._plan.devices[name].place
        return str(place.at_port(self._link(name).place.port))

    async def open(self) -> None:
        """Listen on all links.

        Raises:
            ConfigError: an address can't be listened on; names the line that asked for it.
        """
        for name in self._plan.devices:
            link = self._link(name)
            if link.is_open:
                continue
            try:
                await link.open()
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else error
                place = link.place
                what = _("can't listen on {host}:{port} ({error})").format(
                    host=place.host, port=place.port, error=reason
                )
                next_ = _("end what holds the port, or choose others with --port-base")
                if place.is_line:
                    what = _("can't make the port {path} ({error})").format(
                        path=place.path, error=reason
                    )
                    next_ = _("name a path that nothing is at, in a folder you may write to")
                fault = self._plan.document.fault(
                    ("devices", name, "link"), "port-taken", what, next_
                )
                await self.close()
                raise ConfigError([fault]) from error

    async def keep_time(self) -> None:
        """Let things happen when they are due, until cancelled."""
        while True:
            await asyncio.sleep(max(self.workshop.schedule.next_at - self.elapsed_s, 0))
            self._advance()

    async def suffer(self, trouble: Trouble, say: Callable[[str], None]) -> None:
        """Do what an entry of the timeline says, when it says so, and say so.

        Args:
            trouble: the entry; a command is one whose time has come.
            say: takes a line when the fault begins and one when it ends.
        """
        await asyncio.sleep(max(trouble.at - self.elapsed_s, 0))
        fault = trouble.cause
        if fault is None:
            for active in tuple(self._active[trouble.on]):
                await self._end(trouble.on, active, say)
            return
        await self._begin(trouble.on, fault, say)
        if trouble.lasts is not None:
            await asyncio.sleep(trouble.lasts)
            if fault in self._active[trouble.on]:
                await self._end(trouble.on, fault, say)

    async def close(self) -> None:
        """Stop listening; safe to call twice."""
        for link in self.links.values():
            await link.close()
        self._folder.cleanup()

    def sum_up(self) -> None:
        """Write the closing lines of the truth."""
        self._truth.write(self.workshop.close(self.elapsed_s))

    def _server(self, name: str, place: Place, seed: int) -> ServedMachine:
        from simulators.ua_server import ServedMachine  # noqa: PLC0415 - asyncua, where it is used

        machine = self.workshop.devices[name]
        if not isinstance(machine, ServerMachine):
            raise TypeError(f"{name} has no nodes")
        folder = Path(self._folder.name) / name
        folder.mkdir()
        return ServedMachine(place, machine, self._advance, folder, seed)

    def _link(self, name: str) -> Link | ServedMachine:
        return self.links[self._plan.devices[name].place.key]

    def _meter(self, name: str) -> TagMeter | None:
        """A device that is a meter which speaks DL/T 645."""
        device = self.workshop.devices[name]
        return device if isinstance(device, TagMeter) else None

    def _who(self, name: str) -> int | str:
        """Under what its link knows a device."""
        return name if self._meter(name) is not None else self._plan.devices[name].unit

    def _answers(self, name: str) -> Answers:
        """What speaks for a device."""
        device = self._plan.devices[name]
        identity = device.identity if isinstance(device, Rehearsed) else ()
        return partial(pdu.answer, self.workshop.memories[name], identity=identity)

    async def _begin(self, name: str, fault: Fault, say: Callable[[str], None]) -> None:
        if fault.kind in COUNTING:
            self._advance()
            if not self.workshop.count_from(name, COUNTING[fault.kind]):
                say(_("{name}: has no counters").format(name=name))
                return
        self._active[name].append(fault)
        meter = self._meter(name)
        if meter is not None:
            meter.begin_fault(fault)
        await self._link(name).begin(self._who(name), fault)
        self._note_fault(name, fault, active=True)
        say(_("{name}: {fault} begins").format(name=name, fault=fault))

    async def _end(self, name: str, fault: Fault, say: Callable[[str], None]) -> None:
        self._active[name].remove(fault)
        meter = self._meter(name)
        if meter is not None:
            meter.end_fault(fault)
        try:
            await self._link(name).end(self._who(name), fault)
        except OSError as error:  # somebody took the port while connections were refused
            say(_("{name}: can't listen again ({error})").format(name=name, error=error))
        self._note_fault(name, fault, active=False)
        say(_("{name}: {fault} is over").format(name=name, fault=fault))

    def _advance(self) -> None:
        self._truth.write(self.workshop.advance(self.elapsed_s))

    def _note_fault(self, name: str, fault: Fault, *, active: bool) -> None:
        self._advance()
        self._truth.write(
            [
                {
                    "t": self._now_ms,
                    "on": name,
                    "type": "fault",
                    "fault": fault.kind,
                    "active": active,
                    "by_s": fault.by_s,
                }
            ]
        )

    def _note_read(self, names: dict[int, str]) -> Callable[[int, bytes], None]:
        def note(unit: int, pdu: bytes) -> None:
            if pdu[0] in READS:
                at, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
                self._truth.write(
                    [
                        {
                            "t": self._now_ms,
                            "on": names[unit],
                            "type": "read",
                            "table": READS[pdu[0]],
                            "at": at,
                            "n": count,
                        }
                    ]
                )

        return note

    @property
    def _now_ms(self) -> int:
        return self.workshop.schedule.start_ms + round(self.elapsed_s * 1000)


def _moved(port: int, lowest: int, base: int | None) -> int:
    """Move a port with the lowest one of the scenario to `base`; any free one stays that."""
    if base is None or port == 0:
        return port
    return base + port - lowest if base else 0
