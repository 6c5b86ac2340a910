"""A platform that sends commands, and an office that takes them, with devices in memory.

The platform signs with code of its own, so that a mistake of the gateway's doesn't cancel out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.clock import ManualClock
from gateway.commands.office import Commands
from gateway.commands.trail import FOLDER, lines
from gateway.driver import Unwritable, Written
from gateway.model import Asset, Binding, Kind, Tag, Write
from gateway.plant import Plant
from gateway.secret import Secret
from gateway.settings import CommandSettings, Identity, MqttSettings, Rosters, StoreSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from gateway.model import Draft, Value

KEY = "0123456789abcdef" * 4
IDENTITY = Identity("c1", "e1", "s1", "gw-01")
ROOT = "cii/v1/c1/e1/s1"
ALL = ("resend", "context", "ack")
PRESS = "l1/press-1"
GATEWAY = "_gw/gw-01"
WRITE = {"tag": "target", "value": 150}
_numbers = itertools.count(1)


def sign(topic: str, text: bytes, key: str = KEY) -> bytes:
    """What docs/platform.md says, in other words: HMAC spelled out by RFC 2104."""
    block = (
        key.encode().ljust(64, b"\0")
        if len(key) <= 64
        else hashlib.sha256(key.encode()).digest().ljust(64, b"\0")
    )
    inner = bytes(byte ^ 0x36 for byte in block)
    outer = bytes(byte ^ 0x5C for byte in block)
    first = hashlib.sha256(inner + topic.encode() + b"\n" + text).digest()
    return hashlib.sha256(outer + first).hexdigest().encode()


def seal(topic: str, text: bytes, key: str = KEY) -> bytes:
    """A body with its signature."""
    return text[:-1] + b',"sig":"' + sign(topic, text, key) + b'"}'


@dataclass
class Platform:
    """Makes commands.

    Attributes:
        clock: of the platform.
        life_s: from ts to exp.
    """

    clock: ManualClock
    life_s: float = 60.0

    def body(self, args: object, /, **fields: object) -> dict[str, object]:
        now_ms = self.clock.wall_ns() // 1_000_000
        usual: dict[str, object] = {
            "v": "1.0",
            "cid": f"cid-{next(_numbers):08d}",
            "ts": now_ms,
            "exp": now_ms + round(self.life_s * 1000),
            "args": args,
            "by": "operator",
        }
        return {name: value for name, value in (usual | fields).items() if value is not ...}

    def command(
        self, place: str, name: str, args: object, /, **fields: object
    ) -> tuple[str, bytes]:
        """A topic and a signed payload."""
        topic = f"{ROOT}/{place}/cmd/{name}"
        return topic, seal(topic, json.dumps(self.body(args, **fields)).encode())


def tag(name: str, kind: Kind = Kind.U16, write: Write | None = None) -> Tag:
    return Tag("plc-1", name, kind, "holding:1", (3, 1, None), write=write, file="s.yaml", line=7)


SETPOINT = tag("setpoint", write=Write(0, 200, 5.0))
RECIPE = tag("recipe", Kind.STRING, write=Write(None, None, 0.1))
SHOTS = tag("shots")
MACHINE = Asset(
    "press-1",
    "l1",
    "press",
    {},
    (
        Binding("target", SETPOINT, "X", None),
        Binding("recipe", RECIPE, "X", None),
        Binding("count", SHOTS, "N", None),
    ),
    None,
)


@dataclass
class Devices:
    """A driver and its queue, in memory.

    Attributes:
        written: (tag, value) of every write that was carried out.
        trouble: raised instead.
        after: read back instead of what was written.
        gate: cleared: a write waits for it, once begun.
    """

    registers: dict[str, Value] = field(default_factory=dict)
    written: list[tuple[str, Value]] = field(default_factory=list)
    trouble: Exception | None = None
    doubt: str = ""
    after: Value = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def errand(self, device: str, act: Any, deadline_ns: int) -> Any:  # noqa: ANN401
        del device, deadline_ns
        return await act(self)

    def check(self, tag: Tag, value: Value) -> None:
        if tag.kind is Kind.U16 and not isinstance(value, int):
            raise Unwritable("steps of 1")

    async def write(self, tag: Tag, value: Value, deadline_ns: int) -> Written:
        del deadline_ns
        await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        before = self.registers.get(tag.name)
        self.registers[tag.name] = value
        self.written.append((tag.name, value))
        after = value if self.after is None else self.after
        return Written(before, value, after, "holding 1 (FC06, unit 1)", self.doubt)


@dataclass
class Log:
    """Ledger, alarms and publisher, as commands need them."""

    said: list[tuple[str, int, dict[str, Value]]] = field(default_factory=list)
    acked: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    durable: bool = True
    count: int = 42

    def enter(
        self, asset: str, t_ms: int, said: Mapping[str, Value], now_ms: int
    ) -> tuple[list[Draft], list[str]]:
        del now_ms
        self.said.append((asset, t_ms, dict(said)))
        return [], ["good"] if "good" in said else []

    def acknowledge(self, asset: str, alarm: str, by: str, now_ms: int) -> list[Draft]:
        del now_ms
        if alarm != "hot":
            raise LookupError(f"{asset} has no alarm {alarm}")
        self.acked.append((asset, alarm, by))
        return []

    async def keep(self, drafts: Sequence[Draft]) -> bool:
        self.drafts += drafts
        return self.durable

    def resend(self, first: int, last: int) -> int:
        self.asked.append((first, last))
        return self.count


def plant(
    folder: Path,
    *,
    allow: Sequence[str] = ALL,
    unsigned: bool = False,
    key: bool = True,
    assets: tuple[Asset, ...] = (MACHINE,),
) -> Plant:
    """A site with one destination that takes commands; its key beside the store."""
    secret = folder / "command.key"
    if not secret.exists():
        secret.write_text(f"{KEY}\n")
        secret.chmod(0o600)
    commands = CommandSettings(Secret(secret) if key else None, tuple(allow), unsigned, "s.yaml:3")
    mqtt = MqttSettings(
        ("mqtt://localhost",), None, None, None, None, "5", 300.0, 500.0, 0.0, "s.yaml:2", commands
    )
    keep = StoreSettings(folder, 1 << 30, 1e6, 1e6, 0.5)
    return Plant(
        IDENTITY, "UTC", Rosters(None, {}), {"cluster": mqtt}, keep, (), assets, {}, {}, {}, (), ()
    )


class Office:
    """Commands, running, with what they need in memory."""

    def __init__(self, site: Plant, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.platform = Platform(self.clock)
        self.devices = Devices()
        self.log = Log()
        self.replies: list[tuple[str, str, dict[str, Any]]] = []
        self.commands = Commands(
            site,
            self.clock,
            devices=self.devices,
            log=self.log,
            alarms=self.log,
            publishers={"cluster": self.log},
            last_key=lambda: 1 << 40,
            keep=self.log.keep,
            reply=self._reply,
        )

    def _reply(self, publisher: str, topic: str, payload: bytes) -> None:
        self.replies.append((publisher, topic, json.loads(payload)))

    def take(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        self.commands.take("cluster", topic, payload, retained=retained)

    async def send(
        self, place: str, name: str, args: Mapping[str, object], **fields: object
    ) -> dict[str, Any]:
        """Send a command and wait for its reply."""
        return await self.answer(*self.platform.command(place, name, args, **fields))

    async def answer(self, topic: str, payload: bytes, *, retained: bool = False) -> dict[str, Any]:
        """Send a message and wait for the next reply."""
        count = len(self.replies)
        self.take(topic, payload, retained=retained)
        await self.until(lambda: len(self.replies) > count)
        return self.replies[count][2]

    async def until(self, condition: Any, limit_s: float = 30) -> None:  # noqa: ANN401
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - conditions of many kinds
                await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def office(site: Plant, clock: ManualClock | None = None) -> AsyncIterator[Office]:
    """Run an office; at the end everything that was begun is on disk."""
    made = Office(site, clock)
    task = asyncio.create_task(made.commands.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def run(folder: Path, test: Callable[[Office], Awaitable[None]], **site: Any) -> None:  # noqa: ANN401
    async def main() -> None:
        async with office(plant(folder, **site)) as made:
            await test(made)

    asyncio.run(main())


def audited(folder: Path) -> list[Mapping[str, Any]]:
    return [line.fields for line in lines(folder / FOLDER)]
