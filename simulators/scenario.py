"""A scenario file: what there is in the workshop, and what goes wrong when.

Strict, as the site file is: every fault at once, at its place in the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from gateway import errors
from gateway.errors import ConfigError
from gateway.sitefile.document import Document, load, validate
from gateway.sitefile.explain import Wrong
from gateway.sitefile.units import Duration, Flag, Int, Number, Period
from gateway.sitefile.yaml12 import parse
from gateway.words import _
from simulators.cnc import CncCell
from simulators.faults import COUNTING, Fault, FaultKind
from simulators.injection import RotaryInjection
from simulators.lasting import ToeLasting
from simulators.machine import MachineSettings
from simulators.meter import Dtsu666
from simulators.place import SERVER
from simulators.settings import Served, Strict
from simulators.tags import Rehearsed
from simulators.valve_bench import ValveBench

KINDS: Mapping[str, type[Served]] = {
    "rotary-injection": RotaryInjection,
    "toe-lasting": ToeLasting,
    "dtsu666": Dtsu666,
    "cnc-cell": CncCell,
    "valve-bench": ValveBench,
}
"""What a device can be, by its key `serves`."""


_BY = {FaultKind.LATE, FaultKind.CLOCK}


class Trouble(Strict):
    """A fault to begin: an entry of the timeline, or a command.

    Attributes:
        at: time since the start; a command is for now.
        on: name of the device.
        fault: what goes wrong; `none` ends what is wrong with the device.
        by: how late (late), or how far ahead (clock).
        lasts: how long (`for` in the file); without it until the end.
        code: which exception (exception).
        share: of the requests that it hits.
    """

    model_config = ConfigDict(populate_by_name=True)

    at: Duration = 0.0
    on: str
    fault: FaultKind
    by: Period | None = None
    lasts: Annotated[Period | None, Field(alias="for")] = None
    code: Annotated[Int, Field(ge=1, le=255)] = 4
    share: Annotated[Number, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _late_by(self) -> Self:
        if (self.fault in _BY) != (self.by is not None):
            raise Wrong(
                "late-by",
                _("`by` says how late an answer is, or how far a clock is ahead"),
                _("write e.g. {{fault: late, by: 800ms}}").format(),
            )
        return self

    @property
    def cause(self) -> Fault | None:
        """The fault itself; None where it clears others."""
        if self.fault is FaultKind.NONE:
            return None
        return Fault(self.fault, self.by or 0.0, self.code, self.share)


class _Head(Strict):
    """The file but for its devices.

    Attributes:
        name: for people.
        seed: unless the command line gives another.
        log_reads: whether the truth tells when which registers were read.
        timeline: what goes wrong when.
    """

    name: str
    seed: Int = 1
    log_reads: Flag = False
    timeline: list[Trouble] = Field(default_factory=list)


class _HeadOver(_Head):
    """The same of a scenario that is laid over a site file, which has a name."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, read.

    Attributes:
        document: for the places of its devices: the scenario, or the site file that it is for.
        devices: in the order of the file.
    """

    document: Document
    name: str
    seed: int
    log_reads: bool
    devices: Mapping[str, Served | Rehearsed]
    timeline: tuple[Trouble, ...]


def read(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    document = load(path)
    devices, faults = _devices(document)
    head, wrong = validate(document, (), _Head, without=frozenset({"devices"}))
    return _whole(document, head, document, devices, _names(document), [*faults, *wrong])


def seed_of(path: Path | None) -> int:
    """The seed of a scenario that is laid over a site file; what is wrong with it `over` tells."""
    seed = None if path is None else load(path).get(("seed",))
    return seed if isinstance(seed, int) else 1


def over(path: Path | None, site: Document, devices: Mapping[str, Rehearsed]) -> Scenario:
    """What goes wrong with the devices of a site file: a scenario without devices of its own.

    Args:
        path: of the scenario; None: nothing goes wrong by itself.
        site: the site file.
        devices: that are served of it.

    Raises:
        ConfigError: with everything that is wrong with the scenario.
    """
    if path is None:
        return Scenario(site, "", 1, False, devices, ())  # noqa: FBT003 - the reads are not told
    document = load(path)
    head, faults = validate(document, (), _HeadOver, without=frozenset({"devices"}))
    if "devices" in document.data:
        said = _("the devices are those of the site file")
        next_ = _("delete this section, or leave out --site")
        faults.append(document.fault(("devices",), "devices-twice", said, next_, key=True))
    return _whole(document, head, site, devices, tuple(devices), faults)


def _whole(
    document: Document,
    head: _Head | None,
    placed: Document,
    devices: Mapping[str, Served | Rehearsed],
    names: tuple[str, ...],
    faults: list[errors.Fault],
) -> Scenario:
    """Hold the timeline against the devices, and put all together.

    Args:
        document: the scenario.
        head: what it says beside its devices.
        placed: where the devices are written.
        devices: those that are right.
        names: of all devices.
        faults: found so far.
    """
    for index, trouble in enumerate(head.timeline if head else ()):
        path = ("timeline", index)
        if trouble.on not in names:
            faults.append(_unknown(document, (*path, "on"), trouble.on, names))
        elif trouble.on in devices:
            faults += _misfits(document, path, trouble, devices[trouble.on])
    if head is None or faults:
        raise ConfigError(sorted(faults))
    return Scenario(placed, head.name, head.seed, head.log_reads, devices, tuple(head.timeline))


def _misfits(
    document: Document,
    path: tuple[str | int, ...],
    trouble: Trouble,
    device: Served | Rehearsed,
) -> Iterator[errors.Fault]:
    """A fault that this device, or its link, can't have."""
    cause, scheme = trouble.cause, device.place.scheme
    if cause is not None and not cause.fits(scheme):
        kinds = [kind for kind in FaultKind if Fault(kind).fits(scheme)]
        said = _("a link of {scheme} has no such fault").format(scheme=scheme)
        next_ = _("there are: {known}").format(known=", ".join(kinds))
        yield document.fault((*path, "fault"), "wrong-link", said, next_)
    if trouble.fault in COUNTING and not isinstance(device, Rehearsed):
        said = _("this machine's counters can't be set")
        next_ = _("a device of a site file has some that can: nxgate simulate --site")
        yield document.fault((*path, "fault"), "wrong-device", said, next_)


def command(line: str, plan: Scenario) -> Trouble:
    """Read a fault that somebody typed, for now.

    Raises:
        ConfigError: what was typed is no fault, or not of a device of the scenario.
    """
    tree, faults = parse(line, _("command"))
    if tree is None or faults:
        raise ConfigError(faults)
    document = Document(_("command"), tree)
    trouble, faults = validate(document, (), Trouble)
    if trouble is None:
        raise ConfigError(faults)
    if trouble.on not in plan.devices:
        raise ConfigError([_unknown(document, ("on",), trouble.on, tuple(plan.devices))])
    if faults := list(_misfits(document, (), trouble, plan.devices[trouble.on])):
        raise ConfigError(faults)
    return trouble.model_copy(update={"at": 0.0})


def _devices(document: Document) -> tuple[dict[str, Served], list[errors.Fault]]:
    devices: dict[str, Served] = {}
    faults: list[errors.Fault] = []
    units: set[tuple[object, int]] = set()
    for name in _names(document):
        path: tuple[str | int, ...] = ("devices", name)
        what = document.get((*path, "serves"))
        kind = KINDS.get(what) if isinstance(what, str) else Served
        if kind is None:
            known = _("known are: {names}").format(names=", ".join(KINDS))
            said = _('no simulator serves "{kind}"').format(kind=what)
            faults.append(document.fault((*path, "serves"), "unknown-kind", said, known))
            continue
        device, wrong = validate(document, path, kind)
        faults += wrong
        if device is None:
            continue
        place = device.place
        unit = 1 if place.scheme == SERVER else device.unit
        if (place.key, unit) in units and (place.port or place.is_line):
            said = _("unit {unit} of {link} is already another device's").format(
                unit=device.unit, link=device.link
            )
            next_ = _("give each device of a link its own unit id")
            faults.append(document.fault((*path, "unit"), "unit-taken", said, next_))
        units.add((place.key, unit))
        devices[name] = device
    broken = set(_names(document)) - set(devices)
    for name, device in devices.items():
        for index, measured in enumerate(device.measures if isinstance(device, Dtsu666) else ()):
            if not isinstance(devices.get(measured), MachineSettings) and measured not in broken:
                path = ("devices", name, "measures", index)
                faults.append(_unknown(document, path, measured, tuple(devices)))
    if not devices and not faults:
        said, next_ = _("the workshop is empty"), _("give it a device")
        faults.append(document.fault(("devices",), "no-devices", said, next_))
    return devices, faults


def _names(document: Document) -> tuple[str, ...]:
    devices = document.get(("devices",))
    return tuple(map(str, devices)) if isinstance(devices, dict) else ()


def _unknown(
    document: Document, path: tuple[str | int, ...], name: str, names: tuple[str, ...]
) -> errors.Fault:
    said = _('no such machine: "{name}"').format(name=name)
    known = _("known are: {names}").format(names=", ".join(names))
    return document.fault(path, "unknown-device", said, known)
