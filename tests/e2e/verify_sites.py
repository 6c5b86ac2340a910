"""Sites as a broker sees them: sound ones, and one for each rule with that one thing wrong."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.e2e.asyncapi_judge import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES: dict[str, dict[str, Any]] = json.loads(
    (CONTRACT.parent / "samples.json").read_text("utf-8")
)
HOUR_MS = 3_600_000

Publish = "Callable[[str, bytes, int, bool], None]"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Site:
    """One gateway of one site, spoken for by hand.

    Args:
        name: of the site; the gateway's is gw-1.
        publish: topic, payload, QoS, retain.
    """

    def __init__(self, name: str, publish: Callable[[str, bytes, int, bool], None]) -> None:
        self.root = f"cii/v1/c/e/{name}"
        self.publish = publish

    def say(
        self, tail: str, body: object, *, qos: int = 1, retain: bool = False, line: str = "l1/a1"
    ) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.publish(f"{self.root}/{line}/{tail}", payload, qos, retain)

    def record(self, name: str, seq: int, epoch: int = 5, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Make a record of a class from the contract's sample of it."""
        made = dict(SAMPLES[name])
        made |= {"id": f"gw-1:{epoch}:{seq}", "ts": now_ms(), "hist": False}
        if name == "telemetry":
            made |= {"rev": "r1", "rows": [{"t": now_ms(), "m": {"good": seq}}]}
        if name == "meta":
            made |= {"rev": "r1", "asset": {**made["asset"], "id": "a1"}}
        if name == "state":
            made |= {"since": now_ms()}
        if name in {"oee", "energy"}:
            hour = now_ms() // HOUR_MS * HOUR_MS
            made |= {"win": {"start": hour - HOUR_MS, "end": hour, "kind": "hour"}}
        return made | fields

    def status(self, epoch: int = 5, conn: int = 1, *, online: bool = True, **more: Any) -> None:  # noqa: ANN401
        body = {"v": "1.0", "gw": "gw-1", "epoch": epoch, "conn": conn, "online": online}
        retain = bool(more.pop("retain", True))
        self.say("status", {**body, "ts": now_ms(), **more}, retain=retain, line="_gw/gw-1")

    def meta(self, seq: int = 1, **fields: Any) -> None:  # noqa: ANN401
        self.say("meta", self.record("meta", seq, **fields), retain=True)

    def telemetry(self, seq: int, **fields: Any) -> None:  # noqa: ANN401
        self.say("telemetry/live", self.record("telemetry", seq, **fields))

    def state(self, seq: int, state: str, prev: str, **fields: Any) -> None:  # noqa: ANN401
        body = self.record("state", seq, state=state, prev=prev, **fields)
        self.say("state", body, retain=True)

    def oee(self, seq: int, **fields: Any) -> None:  # noqa: ANN401
        self.say("oee", self.record("oee", seq, **fields))

    def gap(self, seq: int, first: int, last: int, **fields: Any) -> None:  # noqa: ANN401
        data = {**SAMPLES["gap"]["data"], "from": f"gw-1:5:{first}", "to": f"gw-1:5:{last}"}
        data |= {"count": last - first + 1, **fields}
        body = self.record("event", seq, type="gap", t=now_ms(), data=data)
        self.say("event/gap", body, line="_gw/gw-1")

    def command(self, cid: str, **fields: Any) -> None:  # noqa: ANN401
        body = {**SAMPLES["cmd"], "cid": cid, "ts": now_ms(), "exp": now_ms(), **fields}
        self.say("cmd/write", body)

    def reply(self, cid: str, code: str = "ok") -> None:
        body = {"v": "1.0", "cid": cid, "ts": now_ms(), "code": code}
        self.say(f"reply/{cid}", body)


def sound(site: Site, step: int) -> None:
    """Everything a gateway does, as it should be."""
    if step == 0:
        site.status()
        site.meta()
        site.state(2, "idle", "running")
    if step == 1:
        site.telemetry(10)
    if step == 2:
        body = site.record("telemetry", 11)
        site.say("telemetry/live", body)
        site.say("telemetry/live", body)
        site.state(12, "running", "idle")
        site.state(13, "fault", "running")
        site.oee(14)
        site.oee(15, rev=1)
        site.gap(18, 16, 17, reason="size")
        site.command("cid-1234")
        site.reply("cid-1234")
        site.telemetry(19, clock="unsync")
    if step == 3:
        site.telemetry(20)
        clock = site.record("event", 21, type="clock", data={"boot": "b", "offset_ms": 3})
        site.say("event/clock", clock, line="_gw/gw-1")
        site.state(22, "fault", "running", since=now_ms() - HOUR_MS)  # corrected, so told again
        energy = site.record("energy", 23)
        site.say("energy/electricity", energy)
        late = site.record("telemetry", 24, hist=True)
        site.say("telemetry/hist", late)


Story = "Callable[[Site, int], None]"


def _usual(site: Site, step: int) -> None:
    """A gateway that does nothing wrong, and little."""
    if step == 0:
        site.status()
        site.meta()
    if step in {1, 2}:
        site.telemetry(9 + step)


def topic(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.say("temperature", {})


def payload(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.say("telemetry/live", b'{"v":"1.0",')


def schema(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(11, rows=[])


def qos(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.say("telemetry/live", site.record("telemetry", 12), qos=0)
    if step == 3:
        site.say("telemetry/live", site.record("telemetry", 13), qos=2)


def retain(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.say("oee", site.record("oee", 12), retain=True)
        site.say("state", site.record("state", 13))


def kept(site: Site, step: int) -> None:
    """A retained message that somebody else takes away behind the subscriber's back."""
    _usual(site, step)
    if step == 0:
        site.state(2, "idle", "running")


def address(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.say("meta", site.record("meta", 12), retain=True, line="l1/other")


def hist(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(12, hist=True)


def late(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(12, ts=now_ms() - 30_000)


def identity(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(11, rows=[{"t": now_ms(), "m": {"good": 999}}])


def order(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(13)
        site.telemetry(12)


def missing(site: Site, step: int) -> None:
    if step < 3:
        _usual(site, step)
    else:
        site.telemetry(14)


def gap(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.gap(12, 9, 3)


def status(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.status(5, 3)
        site.status(5, 2)
        site.status(4, 9, online=False)
        site.status(5, 3)


def speaker(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.status(online=False, reason="lwt")
    if step == 3:
        site.telemetry(12)


def windows(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.oee(12)
        site.oee(13)


def figures(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.oee(12, oee=0.9)


def null(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(12, rows=[{"t": now_ms(), "m": {"good": None}}])


def meta(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(12, rev="r9")


def tags(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.telemetry(12, rows=[{"t": now_ms(), "m": {"good": "much"}}])


def state(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 2:
        site.state(12, "running", "idle")
        site.state(13, "fault", "setup")


def command(site: Site, step: int) -> None:
    _usual(site, step)
    if step == 1:
        site.command("cid-unanswered")
    if step == 2:
        site.reply("cid-never-sent")


def clock(site: Site, step: int) -> None:
    if step == 1:
        site.telemetry(10, clock="unsync")
    else:
        _usual(site, step)


FAULTY: dict[str, Callable[[Site, int], None]] = {
    made.__name__: made
    for made in (
        topic, payload, schema, qos, retain, kept, address, hist, late, identity, order, missing,
        gap, status, speaker, windows, figures, null, meta, tags, state, command, clock,
    )
}  # fmt: skip
"""By rule: who breaks it, step by step: before anybody listens, then three times apart."""
