"""Load a site file in a process of its own, so that the running gateway never holds a parser.

Reading and checking a site file takes pydantic, a YAML parser, profiles and templates: some 15 MB
of modules, and as much again for a large site's models, all of it used for half a second. A child
(sending.py) does that and hands back the resolved plant as plain data; it works while its parent
loads what polling needs. Reloading later costs the gateway nothing but the difference.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import subprocess
import sys
from typing import TYPE_CHECKING

import orjson

from gateway import __version__, plain, words
from gateway.errors import ConfigError, Faults, GatewayError
from gateway.model import Asset, Device, Tag
from gateway.plant import Marks, Plant
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

PATIENCE_S = 300.0
"""A site of 10,000 tags takes two seconds of a slow core; a disk that hangs takes for ever."""
CHUNK = 64 << 10


@contextlib.contextmanager
def begin(path: Path) -> Iterator[Callable[[], Plant]]:
    """Start loading a site file; what is given waits for the plant.

    It raises ConfigError with all faults of the file, sorted, and GatewayError where the child
    did not live to tell. The child ends with the block at the latest.
    """
    gc.disable()  # thousands of objects and what is imported meanwhile, none of it garbage
    child = subprocess.Popen(  # noqa: S603
        _command(path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C in the terminal is its parent's to answer
    )

    def wait() -> Plant:
        gc.freeze()  # what is imported by now is here to stay
        plant = receive(child.stdout or ())
        gc.collect()  # the readers themselves, which refer to one another
        gc.freeze()
        if plant is None:
            raise GatewayError(_ended(path, child.wait()))
        return plant

    with child:
        try:
            yield wait
        finally:
            child.kill()
            gc.enable()


async def again(path: Path, running: Plant) -> Plant:
    """Load a site file while another plant runs.

    What is as it was are the same objects as in `running`; assets that nothing has to be done
    for come without their bindings.

    Raises:
        ConfigError: with all faults of the file, sorted.
        GatewayError: the child did not live to tell, or took too long.
    """
    receiver = Receiver(running)
    try:
        code = await _receive(receiver, path, plain.dump(running.marks))
    except TimeoutError as error:
        text = _("{path}: loading took longer than {seconds} s and was given up")
        raise GatewayError(text.format(path=path, seconds=round(PATIENCE_S))) from error
    except OSError as error:
        text = _("{path}: no process to load it can be started: {reason}")
        raise GatewayError(text.format(path=path, reason=error.strerror or error)) from error
    except (ValueError, TypeError, LookupError) as error:
        text = _("{path}: what was loaded makes no sense ({reason}): restart the gateway")
        raise GatewayError(text.format(path=path, reason=error)) from error
    if receiver.plant is None:
        raise GatewayError(_ended(path, code))
    return receiver.plant


async def _receive(receiver: Receiver, path: Path, marks: bytes) -> int:
    """Let a child load a site file; its exit code."""
    child = await asyncio.create_subprocess_exec(
        *_command(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            if child.stdin is not None:
                child.stdin.write(marks)
                child.stdin.close()
            async for line in _lines(child.stdout):
                receiver.take(line)
                await asyncio.sleep(0)  # a device takes milliseconds, and polls are due meanwhile
            return await child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    """Lines of any length; a large device's is longer than a reader takes."""
    rest = b""
    while stream is not None and (chunk := await stream.read(CHUNK)):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line


def _command(path: Path) -> list[str]:
    """Our own interpreter, our own module."""
    return [sys.executable, "-m", "gateway.sending", str(path), words.chosen(), __version__]


def _ended(path: Path, code: int) -> str:
    text = _("{path}: loading ended by itself, with code {code}")
    return text.format(path=path, code=code)


class Receiver:
    """Puts a plant together from what `send` wrote.

    Args:
        running: the plant whose marks the sender was given.

    Attributes:
        plant: None until all of it is here.
    """

    def __init__(self, running: Plant | None = None) -> None:
        self.plant: Plant | None = None
        self._first: Plant | None = None
        self._devices: list[Device] = []
        self._assets: list[Asset] = []
        self._tags: dict[str, dict[str, Tag]] = {}
        self._old_devices = {device.name: device for device in running.devices} if running else {}
        self._old_assets = {asset.name: asset for asset in running.assets} if running else {}
        self._read_device = plain.loader(tuple[str, Device])
        self._read_asset = plain.loader(tuple[str, Asset], {Tag: self._find})

    def take(self, line: bytes) -> None:
        """Take the next line.

        Raises:
            ConfigError: the sender sent faults instead.
        """
        if self._first is None:
            if line.startswith(b'["faults"'):
                raise ConfigError(list(plain.loader(tuple[str, Faults])(line)[1].faults))
            self._first = plain.loader(Plant)(line)
        elif line.startswith(b'["device"'):
            self._devices.append(self._read_device(line)[1])
        elif line.startswith(b'["place"'):
            _kind, name, where = orjson.loads(line)
            device = self._old_devices[name]
            device.move(where)
            self._devices.append(device)
        elif line.startswith(b'["asset"'):
            self._assets.append(self._read_asset(line)[1])
        elif line.startswith(b'["stay"'):
            _kind, name, where = orjson.loads(line)
            self._assets.append(dataclasses.replace(self._old_assets[name], where=where))
        else:
            marks = plain.loader(tuple[str, Marks])(line)[1]
            self.plant = dataclasses.replace(
                self._first,
                devices=tuple(self._devices),
                assets=tuple(self._assets),
                marks=marks,
            )

    def _find(self, place: tuple[str, str]) -> Tag:
        """The tag that a binding names."""
        name, tag = place
        tags = self._tags.get(name)
        if tags is None:
            device = next(device for device in self._devices if device.name == name)
            tags = {tag.name: tag for group in device.groups for tag in group.tags}
            self._tags[name] = tags
        return tags[tag]


def receive(lines: Iterable[bytes], running: Plant | None = None) -> Plant | None:
    """Read what `send` wrote; None where the sender ended before its last line.

    Raises:
        ConfigError: the sender sent faults instead.
    """
    receiver = Receiver(running)
    for line in lines:
        receiver.take(line)
    return receiver.plant
