"""The process that loads a site file: it reads, checks and resolves it, and sends the plant.

Started by loading.py as `python -m gateway.sending SITE LANG`, with the marks of what runs on its
standard input, if anything does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import __version__, plain, words
from gateway.difference import mark, match
from gateway.errors import ConfigError, Fault, Faults
from gateway.model import Tag
from gateway.plant import Marks, Plant
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTY = 2


def send(plant: Plant, running: Marks | None = None) -> Iterator[bytes]:
    """Write a plant as lines: itself, then each device, then each asset, then the marks.

    One line at a time, so that the receiver never holds more than one of them as parsed JSON; a
    binding names its tag, which is one object on either side.

    Args:
        plant: with all bindings.
        running: of what the receiver runs: of a part that is as it was, only its place is sent.
    """
    marks = mark(plant)
    parts = match(running or Marks(), marks)
    yield plain.dump(dataclasses.replace(plant, devices=(), assets=()))
    for device in plant.devices:
        if device.name in parts.devices.kept:
            yield plain.dump(("place", device.name, device.where))
        else:
            yield plain.dump(("device", device))
    for asset in plant.assets:
        if asset.name in parts.needed:
            yield plain.dump(("asset", asset), {Tag: lambda tag: [tag.device, tag.name]})
        else:
            yield plain.dump(("stay", asset.name, asset.where))
    yield plain.dump(("marks", marks))


def main(path: str, lang: str, version: str) -> int:
    """Load a site file and write its plant, or its faults, to standard output.

    Args:
        path: of the site file.
        lang: of messages.
        version: of the gateway that asks; another one than ours, after an update, would take
            what we send for something else.
    """
    gc.disable()  # it ends before there is anything worth collecting
    from gateway.templates import load  # noqa: PLC0415 - which makes a lot that could be garbage

    words.choose(lang)
    known = sys.stdin.buffer.read()
    running = plain.loader(Marks)(known) if known else None
    with contextlib.suppress(BrokenPipeError), sys.stdout.buffer as out:  # the receiver was ended
        try:
            if version != __version__:
                raise ConfigError([_updated(path, version)])  # noqa: TRY301
            for line in send(load(Path(path)), running):
                out.write(line + b"\n")
        except ConfigError as error:
            out.write(plain.dump(("faults", Faults(tuple(error.faults)))) + b"\n")
            return FAULTY
    return 0


def _updated(path: str, version: str) -> Fault:
    what = _("nxgate {new} is installed and {old} runs").format(new=__version__, old=version)
    return Fault(path, 0, 0, "updated", what, _("restart the gateway"))


if __name__ == "__main__":
    # Freeing all that a large site took would delay the process that waits for the processor.
    os._exit(main(*sys.argv[1:]))
