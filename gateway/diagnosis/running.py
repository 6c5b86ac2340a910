"""What a running gateway's snapshot shows to be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.diagnosis.finding import Finding
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

Snapshot = dict[str, Any]
"""As gateway/snapshot.py makes it, after a trip through JSON."""

MOST_ALARMS = 5
OWN_LINE = "_gw"


def concerns(snapshot: Snapshot) -> list[str]:
    """What a display has room for: alarms first, then what none of them says; a text for each.

    Publishers without a connection are left to the display.
    """
    alarmed = {alarm["name"] for alarm in snapshot["alarms"]}
    found = [finding for room in _ROOMS for finding in room(snapshot)]
    return [*_alarms(snapshot), *(each.what for each in found if each.alarm not in alarmed)]


def findings(snapshot: Snapshot) -> list[Finding]:
    """All that is wrong with the gateway and what it talks to; machines' alarms are none."""
    return [finding for room in (_brokers, *_ROOMS) for finding in room(snapshot)]


def _alarms(snapshot: Snapshot) -> Iterator[str]:
    alarms = snapshot["alarms"]
    for alarm in alarms[:MOST_ALARMS]:
        text = _("alarm {asset}/{name} ({severity}): {text}")
        yield text.format(
            asset=alarm["asset"], name=alarm["name"], severity=alarm["sev"], text=alarm["text"]
        )
    if len(alarms) > MOST_ALARMS:
        yield _("and {count} more alarms").format(count=len(alarms) - MOST_ALARMS)


def _clock(snapshot: Snapshot) -> Iterator[Finding]:
    """Why the time isn't trusted; after some minutes there is an alarm that says so."""
    clock = snapshot["clock"]
    if clock["doubt"]:
        since_ms = clock["since_ms"]
        yield Finding("clock-untrusted", "clock", clock["doubt"], since_ms, "clock_unsync")


def _store(snapshot: Snapshot) -> Iterator[Finding]:
    store = snapshot["store"]
    if store["failing"]:
        since_ms = store["failing_since_ms"]
        yield Finding("disk-refuses", "store", store["failing"], since_ms, "store_failing")
    dropped = sum(store["dropped"].values())
    if dropped:
        text = _("{count} records dropped for want of memory").format(count=dropped)
        yield Finding("records-dropped", "store", text)
    if store["bad_rows"]:
        text = _("{count} stored records unreadable").format(count=store["bad_rows"])
        yield Finding("records-unreadable", "store", text)


def _brokers(snapshot: Snapshot) -> Iterator[Finding]:
    for name, status in snapshot["publishers"].items():
        if not status["connected"] and status["error"]:
            yield Finding(f"broker-{status['cause']}", name, status["error"], status["since_ms"])


def _publishers(snapshot: Snapshot) -> Iterator[Finding]:
    for name, status in snapshot["publishers"].items():
        if status["note"]:
            yield Finding("broker-note", name, f"{name}: {status['note']}")
        if status["held"]:
            topic, why = next(iter(status["held"].items()))
            text = _("{name}: {count} topics refused, {parked} records wait; {topic}: {why}")
            text = text.format(
                name=name, count=len(status["held"]), parked=status["parked"], topic=topic, why=why
            )
            yield Finding("topic-refused", name, text)
        if status["aside"]:
            text = _("{name}: {count} records set aside").format(name=name, count=status["aside"])
            yield Finding("record-aside", name, text)


def _devices(snapshot: Snapshot) -> Iterator[Finding]:
    for name, device in snapshot["devices"].items():
        if device["error"]:
            yield Finding(device["fault"], name, device["error"], device["since_ms"])
        if device["refused"]:
            tag, why = next(iter(device["refused"].items()))
            text = _("{device}: refuses {count} tags; {tag}: {why}")
            count = len(device["refused"])
            text = text.format(device=name, count=count, tag=tag, why=why)
            yield Finding("tags-refused", name, text)
        if device["missed"]:
            text = _(
                "{device}: {count} of {all} polls missed, it or its line is too slow for the pace; "
                "nxgate plan tells which"
            )
            due = device["polls"] + device["missed"]
            text = text.format(device=name, count=device["missed"], all=due)
            yield Finding("polls-missed", name, text)


def _links(snapshot: Snapshot) -> Iterator[Finding]:
    for url, link in snapshot["links"].items():
        if link["late"]:
            text = _("{link}: {count} answers came after their time-out")
            yield Finding("answers-late", url, text.format(link=url, count=link["late"]))
        if link["rejected"]:
            text = _("{link}: {count} answers rejected, they fit no question")
            yield Finding("answers-rejected", url, text.format(link=url, count=link["rejected"]))


_ALARMED = {
    "second_master": "second-master",
    "certificate_expiring": "certificate-expiring",
    "device_certificate_expiring": "certificate-expiring",
}
"""The gateway's own alarms that say what nothing else in a snapshot does."""


def _own_alarms(snapshot: Snapshot) -> Iterator[Finding]:
    for alarm in snapshot["alarms"]:
        name, _dash, of = alarm["name"].partition("-")
        if alarm["line"] == OWN_LINE and name in _ALARMED:
            subject = of or alarm["asset"]
            text, since_ms = alarm["text"], alarm["raised"]
            yield Finding(_ALARMED[name], subject, text, since_ms, alarm["name"])


def _reload(snapshot: Snapshot) -> Iterator[Finding]:
    """Why the site file as it is now doesn't run."""
    faults = (snapshot["reload"] or {}).get("faults")
    if faults:
        text = _("the changed site file does not run, {count} faults: {first}")
        text = text.format(count=len(faults), first=faults[0])
        yield Finding("site-faults", "site", text)


def _stuck(snapshot: Snapshot) -> Iterator[Finding]:
    for part in snapshot["stuck"]:
        text = _("{part}: nothing has moved for minutes, although something is due")
        yield Finding("part-stuck", "gateway", text.format(part=part))


_ROOMS = (_stuck, _clock, _store, _publishers, _devices, _links, _own_alarms, _reload)
