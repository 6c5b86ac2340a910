"""Whether a gateway is alive or stuck."""

from __future__ import annotations

from typing import Any


def health(snapshot: dict[str, Any] | None) -> tuple[bool, dict[str, object]]:
    """Judge a snapshot.

    Args:
        snapshot: None: no gateway answers within its time.

    Returns:
        True where every part that has something to do gets on, and the same as JSON holds it. A
        silent device or an absent broker is no reason: a restart wouldn't mend either.
    """
    if snapshot is None:
        return False, {"live": False, "why": ["the gateway doesn't answer"]}
    stuck = list(snapshot["stuck"])
    about = {"gateway": snapshot["gateway"], "version": snapshot["version"]}
    return not stuck, {"live": not stuck, "why": stuck, **about}
