"""Windows: told again only under a higher rev, and their times and ratios agree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Key, Message
    from verifying.findings import Findings

WINDOWS = 100_000
KINDS_MS = {"quarter": 900_000, "hour": 3_600_000}
"""Kinds of a fixed length; a change of the wall clock cuts them shorter."""
EXACT_S = 0.0015
"""Times are told to the millisecond."""
CLOSE = 1e-6

SUMS = frozenset({"_line", "_site"})
"""Assets whose times are those of several machines."""
_PARTS = ("run", "setup", "delay", "idle", "unknown")


class Windows:
    """Remembers the newest statement of every window."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._told: Bounded[tuple[object, ...], tuple[Key, int, bool]] = Bounded(WINDOWS)

    def take(self, message: Message) -> None:
        """Judge a first delivery of an oee or energy record."""
        body = message.body
        win = body["win"]
        named = tuple(win.get(name) for name in ("kind", "start", "product", "order"))
        name = (message.topic, *named)
        now = (message.key, int(body["rev"]), bool(body["final"]))
        before = self._told.get(name)
        self._findings.judge("windows")
        if before is None or before[0] < now[0]:
            self._told.put(name, now)
        if before is not None and (wrong := _not_risen(*sorted((before, now)))):
            self._findings.fault("windows", message.topic, message.id, wrong)
        self._findings.judge("figures")
        is_sum = message.levels.get("asset") in SUMS
        for wrong in _window(body) + (
            _oee(body, is_sum=is_sum) if message.channel.name == "oee" else []
        ):
            self._findings.fault("figures", message.topic, message.id, wrong)


def _not_risen(before: tuple[Key, int, bool], now: tuple[Key, int, bool]) -> str:
    """Return what is wrong between two statements of a window, the higher id last."""
    told = {"now": now[1], "before": before[1]}
    if now[1] < before[1]:
        return _("rev {now} after rev {before} of the same window").format(**told)
    if now[1] == before[1] and before[2] and now[0] != before[0]:
        return _("told again under rev {now}, which was final").format(**told)
    return ""


def _window(body: dict[str, Any]) -> list[str]:
    win = body["win"]
    length_ms = win["end"] - win["start"]
    wrong: list[str] = []
    # An order of no length takes back one that was told.
    if length_ms < 0 or (length_ms == 0 and win["kind"] != "order"):
        wrong.append(_("the window ends before it starts"))
    if length_ms > KINDS_MS.get(win["kind"], math.inf):
        wrong.append(
            _("{minutes:g} min are too long for a window of kind {kind}").format(
                minutes=length_ms / 60_000, kind=win["kind"]
            )
        )
    if body["final"] and body["ts"] < win["end"] and body.get("clock") != "unsync":
        wrong.append(_("final before its end"))
    return wrong


def _oee(body: dict[str, Any], *, is_sum: bool) -> list[str]:
    times, ratios = body["time_s"], [body[name] for name in ("a", "p", "q")]
    win = body["win"]
    wrong: list[str] = []
    planned, parts = times["planned"], sum(times[name] for name in _PARTS)
    if abs(planned - parts) > EXACT_S:
        wrong.append(
            _("planned is {planned:g} s, its parts are {parts:g} s").format(
                planned=planned, parts=parts
            )
        )
    length_s = (win["end"] - win["start"]) / 1000
    if not is_sum and planned + times.get("planned_stop", 0) > length_s + EXACT_S:
        wrong.append(_("more time is planned than the window is long"))
    known = [ratio for ratio in ratios if ratio is not None]
    if body["oee"] is not None and len(known) < len(ratios) and (body["oee"] or 0 not in known):
        wrong.append(_("oee is {oee:g} without all of a, p and q").format(oee=body["oee"]))
    elif body["oee"] is not None and not math.isclose(
        body["oee"], math.prod(known), rel_tol=CLOSE, abs_tol=CLOSE
    ):
        wrong.append(
            _("oee is {oee:g}, a × p × q is {product:g}").format(
                oee=body["oee"], product=math.prod(known)
            )
        )
    none = ("good", "scrap")
    if body["basis"]["quality"] == "none" and (
        body["q"] is not None
        or body["oee"] is not None
        or any(body["count"][name] is not None for name in none)
    ):
        wrong.append(_("nobody counts rejects, and yet there is good, scrap, q or oee"))
    if None in {*ratios, body["oee"]} and not body.get("reason"):
        wrong.append(_("a ratio is null without a reason"))
    return wrong
