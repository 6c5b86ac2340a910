"""Whether the primary host is there, as its retained STATE says (Sparkplug 3.0, 5.7 and 6.2.3).

A STATE counts unless an earlier one was made later: a death that the broker tells late, as the
Will of a session that the host has long replaced, is none.
"""

from __future__ import annotations

from enum import Enum, auto

import orjson


class Turn(Enum):
    """What a STATE changes."""

    NOTHING = auto()
    CAME = auto()
    WENT = auto()


class Host:
    """One host application on one server.

    Attributes:
        is_online: as far as is known; False before it said so.
    """

    def __init__(self) -> None:
        self.is_online = False
        self._seen_ms = 0
        self._known = False

    def forget(self) -> None:
        """Another connection, perhaps to another server, begins with what that server keeps."""
        self.is_online = self._known = False
        self._seen_ms = 0

    def hear(self, payload: bytes) -> Turn:
        """Take a STATE message."""
        try:
            state = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return Turn.NOTHING
        online = state.get("online") if isinstance(state, dict) else None
        ms = state.get("timestamp") if isinstance(state, dict) else None
        if not isinstance(online, bool) or not isinstance(ms, int) or isinstance(ms, bool):
            return Turn.NOTHING
        if ms < self._seen_ms:
            return Turn.NOTHING
        was, knew = self.is_online, self._known
        self._seen_ms, self.is_online, self._known = ms, online, True
        if online:
            return Turn.NOTHING if was else Turn.CAME
        return Turn.WENT if was or not knew else Turn.NOTHING
