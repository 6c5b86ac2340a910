"""Topics and ids, as docs/platform.md and docs/contract/asyncapi.yaml have them."""

from __future__ import annotations

from typing import NamedTuple

ROOT = "cii/v1"
SHARED = ("telemetry/live", "telemetry/hist", "oee", "energy/+", "event/+")
"""What several subscribers share: nobody needs to have heard all of it."""
OWN = ("meta", "state", "alarm/+")
"""What the broker keeps. It gives what it has kept to no shared subscription, so each subscriber
hears all of it; storing it twice is storing it once."""
MAX_SEQ = (1 << 36) - 1


class Topic(NamedTuple):
    """Where a message came: the levels of its topic.

    Attributes:
        cls: `telemetry`, `oee`, `energy/electricity`, `alarm/hot`; live and hist are one class.
    """

    cluster: str
    enterprise: str
    site: str
    line: str
    asset: str
    cls: str


class Id(NamedTuple):
    """A record's identity, ordered as the records of one gateway are."""

    gateway: str
    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.gateway}:{self.epoch}:{self.seq}"


def topic_of(text: str) -> Topic | None:
    """Read a topic; None where it is none of the contract's."""
    levels = text.split("/")
    if levels[:2] != ["cii", "v1"] or len(levels) < 8 or not all(levels):  # noqa: PLR2004
        return None
    cls = "/".join(levels[7:])
    cluster, enterprise, site, line, asset = levels[2:7]
    name = "telemetry" if cls.startswith("telemetry/") else cls
    return Topic(cluster, enterprise, site, line, asset, name)


def id_of(text: object) -> Id:
    """Read an id.

    Raises:
        ValueError: it is none.
    """
    gateway, epoch, seq = str(text).rsplit(":", 2)
    return Id(gateway, int(epoch), int(seq))


def filters(group: str) -> list[str]:
    """What to subscribe to, all of it at QoS 1.

    Args:
        group: of the subscribers that share the load.
    """
    everywhere = f"{ROOT}/+/+/+/+/+"
    return [
        f"{ROOT}/+/+/+/_gw/+/status",
        f"{ROOT}/+/+/+/_gw/+/reply/+",
        *(f"{everywhere}/{cls}" for cls in OWN),
        *(f"$share/{group}/{everywhere}/{cls}" for cls in SHARED),
    ]
