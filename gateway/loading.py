"""Load a site file in a process of its own, so that the running gateway never holds a parser.

Reading and checking a site file takes pydantic, a YAML parser, profiles and templates: some 15 MB
of modules, and as much again for a large site's models, all of it used for half a second. A child
does that and hands back the resolved plant as plain data; it works while its parent loads what
polling needs. Reloading later costs the gateway nothing but the difference.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import plain, words
from gateway.errors import ConfigError, Faults, GatewayError
from gateway.model import Asset, Device, Tag
from gateway.plant import Plant
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FAULTY = 2
FAULTS = b"faults "


@contextlib.contextmanager
def begin(path: Path) -> Iterator[Callable[[], Plant]]:
    """Start loading a site file; what is given waits for the plant.

    It raises ConfigError with all faults of the file, sorted, and GatewayError where the child
    did not live to tell. The child ends with the block at
    the latest.
    """
    child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-m", "gateway.loading", str(path), words.chosen()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        process_group=0,  # a Ctrl-C in the terminal is its parent's to answer
    )

    def wait() -> Plant:
        gc.disable()  # thousands of objects, none of them garbage
        try:
            plant = receive(child.stdout or ())
        finally:
            gc.enable()
            gc.collect()  # the readers themselves, which refer to one another
            gc.freeze()
        if plant is None:
            text = _("{path}: loading ended by itself, with code {code}")
            raise GatewayError(text.format(path=path, code=child.wait()))
        return plant

    with child:
        try:
            yield wait
        finally:
            child.kill()


def send(plant: Plant) -> Iterator[bytes]:
    """Write a plant as lines: itself, then each device, then each asset.

    One line at a time, so that the receiver never holds more than one of them as parsed JSON; a
    binding names its tag, which is one object on either side.
    """
    yield plain.dump(dataclasses.replace(plant, devices=(), assets=()))
    for device in plant.devices:
        yield plain.dump(("device", device))
    for asset in plant.assets:
        yield plain.dump(("asset", asset), {Tag: lambda tag: [tag.device, tag.name]})
    yield b"null"


def receive(lines: Iterable[bytes]) -> Plant | None:
    """Read what `send` wrote; None where the sender ended before its last line.

    Raises:
        ConfigError: the sender sent faults instead.
    """
    tags: dict[tuple[str, str], Tag] = {}
    devices: list[Device] = []
    assets: list[Asset] = []
    read_device = plain.loader(tuple[str, Device])
    read_asset = plain.loader(tuple[str, Asset], {Tag: lambda name: tags[name[0], name[1]]})
    source = iter(lines)
    first = next(source, b"")
    if first.startswith(FAULTS):
        raise ConfigError(list(plain.loader(Faults)(first[len(FAULTS) :]).faults))
    for line in source:
        if line.startswith(b'["device"'):
            device = read_device(line)[1]
            tags.update({(t.device, t.name): t for g in device.groups for t in g.tags})
            devices.append(device)
        elif line.startswith(b'["asset"'):
            assets.append(read_asset(line)[1])
        else:
            plant = plain.loader(Plant)(first)
            return dataclasses.replace(plant, devices=tuple(devices), assets=tuple(assets))
    return None


def main(path: str, lang: str) -> int:
    """Load a site file and write its plant, or its faults, to standard output."""
    from gateway.templates import load  # noqa: PLC0415 - what the receiver must not hold

    gc.disable()  # it ends before there is anything worth collecting
    words.choose(lang)
    try:
        for line in send(load(Path(path))):
            sys.stdout.buffer.write(line + b"\n")
    except ConfigError as error:
        sys.stdout.buffer.write(FAULTS + plain.dump(Faults(tuple(error.faults))))
        return FAULTY
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
