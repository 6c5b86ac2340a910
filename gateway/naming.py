"""Words of the contract, as people of the floor say them; in English they stay as they are."""

from __future__ import annotations

from gateway.words import _


def said(word: str) -> str:
    """A state, a part of time, a loss, a kind of window or a step of a counter, in words."""
    words = {
        "running": _("running"),
        "run": _("run"),
        "setup": _("setup"),
        "waiting": _("waiting"),
        "fault": _("fault"),
        "idle": _("idle"),
        "standing": _("standing"),
        "delay": _("delay"),
        "planned_stop": _("planned_stop"),
        "offline": _("offline"),
        "unknown": _("unknown"),
        "not_planned": _("not_planned"),
        "breakdown": _("breakdown"),
        "quality": _("quality"),
        "personnel": _("personnel"),
        "utility": _("utility"),
        "reset": _("reset"),
        "rollover": _("rollover"),
        "jump": _("jump"),
        "quarter": _("quarter"),
        "hour": _("hour"),
        "shift": _("shift"),
        "day": _("day"),
        "order": _("order"),
        "sharp": _("sharp"),
        "peak": _("peak"),
        "flat": _("flat"),
        "valley": _("valley"),
        "deep_valley": _("deep_valley"),
    }
    return words.get(word, word)
