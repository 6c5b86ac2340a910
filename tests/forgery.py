"""Commands that must not be carried out, made of ones that could have been."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from tests.commands_kit import ROOT, seal

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from tests.commands_kit import Platform

WRONG = "f" * 64


class Hostile(NamedTuple):
    """A message, and how it is published."""

    kind: str
    topic: str
    payload: bytes
    retained: bool = False


def flipped(data: bytes, bit: int) -> bytes:
    """The same with one bit changed."""
    made = bytearray(data)
    made[bit >> 3] ^= 1 << (bit & 7)
    return bytes(made)


def hostile(
    platform: Platform,
    place: str,
    args: dict[str, object],
    done: Sequence[tuple[str, bytes]],
    chance: random.Random,
) -> Iterator[Hostile]:
    """Messages without end, of each kind in turn.

    Args:
        platform: makes the good commands that they are made of.
        place: of the asset.
        args: of a write that would be carried out.
        done: commands that were, to be replayed.
        chance: seeded.
    """
    while True:
        topic, payload = platform.command(place, "write", args)
        bit = chance.randrange(8 * len(payload))
        yield Hostile("a bit changed", topic, flipped(payload, bit))
        yield Hostile("replayed", *chance.choice(done))
        yield Hostile("retained", *platform.command(place, "write", args), retained=True)
        late = platform.clock.wall_ns() // 1_000_000
        old = {"ts": late - 60_000, "exp": late - chance.randrange(1, 50_000)}
        yield Hostile("expired", *platform.command(place, "write", args, **old))
        text = payload[:-74] + b"}"
        yield Hostile("another key", topic, seal(topic, text, WRONG))
        yield Hostile("unsigned", topic, text)
        other = topic.replace(place, "_dev/plc-2")
        yield Hostile("for another", topic, seal(other, text))
        yield Hostile("elsewhere", other, payload)
        yield Hostile("cut", topic, payload[: chance.randrange(len(payload))])
        yield Hostile("noise", topic, chance.randbytes(chance.randrange(400)))
        cid = json.loads(text)["cid"]
        last = b'"cid":"%b"}' % cid.encode()
        yield Hostile("sig moved", topic, payload[:-1] + b"," + last)
        yield Hostile("no command", f"{ROOT}/{place}/cmd/reboot", payload)
        ahead = {"ts": late + 3_600_000, "exp": late + 3_660_000}
        yield Hostile("from the future", *platform.command(place, "write", args, **ahead))
        yield Hostile("for ever", *platform.command(place, "write", args, exp=late + 10**11))
        yield Hostile("huge", topic, payload[:-74] + b" " * chance.randrange(20_000, 30_000) + b"}")
