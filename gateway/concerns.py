"""What is not as it should be, in words, from a snapshot of a running gateway.

Alarms first, then what holds records back, then what is counted and shows nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

Snapshot = dict[str, Any]
"""As gateway/snapshot.py makes it, after a trip through JSON."""

MOST_ALARMS = 5


def concerns(snapshot: Snapshot) -> list[str]:
    """One text for each; nothing where all is well."""
    rooms = (_alarms, _clock, _store, _publishers, _devices, _links, _reload)
    return [text for room in rooms for text in room(snapshot)]


def _alarms(snapshot: Snapshot) -> Iterator[str]:
    alarms = snapshot["alarms"]
    for alarm in alarms[:MOST_ALARMS]:
        text = _("alarm {asset}/{name} ({severity}): {text}")
        yield text.format(
            asset=alarm["asset"], name=alarm["name"], severity=alarm["sev"], text=alarm["text"]
        )
    if len(alarms) > MOST_ALARMS:
        yield _("and {count} more alarms").format(count=len(alarms) - MOST_ALARMS)


def _clock(snapshot: Snapshot) -> Iterator[str]:
    """Why the time isn't trusted; after some minutes there is an alarm that says so."""
    doubt = snapshot["clock"]["doubt"]
    if doubt and not _alarmed(snapshot, "clock_unsync"):
        yield doubt


def _alarmed(snapshot: Snapshot, name: str) -> bool:
    """Whether an alarm of the gateway says it already."""
    return any(alarm["name"] == name for alarm in snapshot["alarms"])


def _store(snapshot: Snapshot) -> Iterator[str]:
    store = snapshot["store"]
    if store["failing"] and not _alarmed(snapshot, "store_failing"):
        yield store["failing"]
    dropped = sum(store["dropped"].values())
    if dropped:
        yield _("{count} records dropped for want of memory").format(count=dropped)
    if store["bad_rows"]:
        yield _("{count} stored records unreadable").format(count=store["bad_rows"])


def _publishers(snapshot: Snapshot) -> Iterator[str]:
    for name, status in snapshot["publishers"].items():
        if status["note"]:
            yield f"{name}: {status['note']}"
        if status["held"]:
            topic, why = next(iter(status["held"].items()))
            text = _("{name}: {count} topics refused, {parked} records wait; {topic}: {why}")
            yield text.format(
                name=name, count=len(status["held"]), parked=status["parked"], topic=topic, why=why
            )
        if status["aside"]:
            yield _("{name}: {count} records set aside").format(name=name, count=status["aside"])


def _devices(snapshot: Snapshot) -> Iterator[str]:
    for name, device in snapshot["devices"].items():
        if device["error"]:
            yield device["error"]
        if device["missed"]:
            text = _(
                "{device}: {count} of {all} polls missed, it or its line is too slow for the pace; "
                "nxgate plan tells which"
            )
            due = device["polls"] + device["missed"]
            yield text.format(device=name, count=device["missed"], all=due)


def _links(snapshot: Snapshot) -> Iterator[str]:
    for url, link in snapshot["links"].items():
        if link["late"]:
            text = _("{link}: {count} answers came after their time-out")
            yield text.format(link=url, count=link["late"])
        if link["rejected"]:
            text = _("{link}: {count} answers rejected, they fit no question")
            yield text.format(link=url, count=link["rejected"])


def _reload(snapshot: Snapshot) -> Iterator[str]:
    """Why the site file as it is now doesn't run."""
    faults = (snapshot["reload"] or {}).get("faults")
    if faults:
        text = _("the changed site file does not run, {count} faults: {first}")
        yield text.format(count=len(faults), first=faults[0])
