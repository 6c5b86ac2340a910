"""What machines tell, line by line, to whoever records it; see docs/replay.md for the form.

Readings are given as they were polled, before anything is derived from them, so that a replay
takes the way that live values take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.model import Value

    Listener = Callable[[bytes], None]


class Tap:
    """Hands readings to those who listen; costs nothing while nobody does."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def tell(self, asset: str, t_ms: int, mono_ns: int, values: Mapping[str, Value]) -> None:
        """Tell what was read of an asset at one time.

        Args:
            asset: its name.
            t_ms: UTC ms of acquisition.
            mono_ns: the same on the monotonic clock.
            values: by signal; None: could not be read.
        """
        mono = round(mono_ns / 1e9, 6)
        lines: list[bytes] = []
        for signal, value in values.items():
            line = {"t": t_ms, "asset": asset, "signal": signal, "value": value, "mono": mono}
            lines.append(orjson.dumps(line if value is not None else {**line, "q": "bad"}))
        told = b"\n".join(lines) + b"\n"
        for listener in self.listeners:
            listener(told)
