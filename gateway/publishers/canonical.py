"""The canonical contract (docs/contract/asyncapi.yaml): topics and payloads.

A stored body is already JSON, so a payload is the envelope put in front of it: nothing is parsed
or serialised again on the way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.contract import OWN_LINE, VERSION, root_of
from gateway.ids import MAX_SEQ, SEQ_BITS

if TYPE_CHECKING:
    from gateway.model import Place, Record
    from gateway.settings import Identity


class Canonical:
    """Spells the records of one gateway.

    Args:
        identity: the topic levels above line and asset.
    """

    def __init__(self, identity: Identity) -> None:
        self._gateway = identity.gateway
        self._root = root_of(identity)
        self._id = f'{{"v":"{VERSION}","id":"{identity.gateway}:'.encode()
        self._topics: dict[Place, tuple[str, str]] = {}

    @property
    def status_topic(self) -> str:
        """Where the gateway's own status is, which is no record."""
        return f"{self._root}/{OWN_LINE}/{self._gateway}/status"

    @property
    def commands(self) -> str:
        """Where commands for this site come from, as a filter."""
        return f"{self._root}/+/+/cmd/+"

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """It has words for all of them."""
        del record, hist
        return True

    def topic(self, record: Record, *, hist: bool) -> str:
        """Where a record goes; late telemetry has a topic of its own."""
        place = record.place
        topics = self._topics.get(place)
        if topics is None:
            base = "/".join((self._root, *place))
            modes = (f"{base}/live", f"{base}/hist") if record.cls == "telemetry" else (base, base)
            topics = self._topics[place] = modes
        return topics[hist]

    def payload(self, record: Record, *, hist: bool) -> bytes:
        """A record's envelope and body."""
        return b'%b%d:%d","ts":%d,"hist":%b,%b' % (
            self._id,
            record.key >> SEQ_BITS,
            record.key & MAX_SEQ,
            record.ts_ms,
            b"true" if hist else b"false",
            record.body[1:],
        )

    def retained(self, record: Record) -> bool:
        """Tell whether the broker keeps the newest one: what is, as opposed to what happened."""
        return record.cls in {"meta", "state"} or record.cls.startswith("alarm/")

    def status(
        self,
        *,
        epoch: int,
        conn: int,
        online: bool,
        ts_ms: int,
        mqtt: str,
        reason: str = "",
        sw: str = "",
        outbox: int | None = None,
    ) -> bytes:
        """The gateway's status, or its Will.

        Args:
            epoch: of the ids given now.
            conn: counts the connections of this epoch; a lower (epoch, conn) is ignored.
            online: False in the Will and at a stop.
            ts_ms: UTC ms; in the Will the time of the connect.
            mqtt: `5` or `3.1.1`, under which denied messages can't be seen.
            reason: start | stop | lwt | config, or "".
            sw: product and version, or "".
            outbox: records not yet delivered.
        """
        fields: dict[str, object] = {
            "v": VERSION,
            "gw": self._gateway,
            "epoch": epoch,
            "conn": conn,
            "online": online,
            "ts": ts_ms,
            "mqtt": mqtt,
        }
        optional = {"reason": reason or None, "sw": sw or None, "outbox": outbox}
        fields.update({name: value for name, value in optional.items() if value is not None})
        return orjson.dumps(fields)


def epoch_of(status: bytes) -> int:
    """Read the epoch of a retained status, whoever wrote it; 0 where there is none to read."""
    try:
        fields = orjson.loads(status)
    except orjson.JSONDecodeError:
        return 0
    epoch = fields.get("epoch") if isinstance(fields, dict) else None
    return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else 0
