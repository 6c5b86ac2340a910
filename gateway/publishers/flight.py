"""What is under way: messages sent and not answered, and how many there may be.

The window follows the round trip. It grows while answers come about as quickly as from an idle
server: over a long line (40 ms) more messages must be under way for the same throughput. It
shrinks when they wait behind each other: a slow server is then asked for no more than it does in
a tenth of a second, so that live data isn't held up by history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.clock import Clock
    from gateway.publishers.message import Message

FIRST = 100
"""Measured best over loopback."""
LEAST = 4
WINDOW_BYTES = 256 << 10
"""Payload under way at a time: a connection begins with the metas of all assets, and a hundred
large ones at once would stand in memory several times over."""
GROW_NS = 50_000_000
"""Answers that wait less than this behind others let the window grow."""
SHRINK_NS = 100_000_000
"""Answers that wait longer let it shrink."""
IDLE_NS = 30_000_000_000
"""How long the quickest answer is remembered, at least: lines change."""
NEVER = 1 << 62


class Flight:
    """Messages of one connection after another.

    Args:
        clock: its monotonic side is used.

    Attributes:
        window: how many may be under way.
        rtt_ns: from sending to answer, smoothed; 0 before the first answer of a connection.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: dict[Message, int] = {}
        self._bytes = 0
        self.begin(1)

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages)

    def begin(self, limit: int) -> None:
        """Begin a connection on which no more than `limit` may be under way."""
        self._limit = limit
        self.window = min(FIRST, limit)
        self.rtt_ns = 0
        self._quickest_ns = self._quickest_before_ns = NEVER
        self._quickest_since_ns = self._answered_ns = self._clock.mono_ns()
        self._round_ns = self._round = 0
        self._was_full = False

    def has_room(self, *, leave: int = 0) -> bool:
        """Tell whether another message may be under way; one always may.

        Args:
            leave: a part of the window to be left free: its fourth, say.
        """
        if not self._messages:
            return True
        window = max(1, self.window - self.window // leave) if leave else self.window
        if len(self._messages) >= window:
            self._was_full = True
            return False
        return self._bytes < WINDOW_BYTES

    def sent(self, message: Message) -> None:
        """Note that a message is under way."""
        self._messages[message] = self._clock.mono_ns()
        self._bytes += len(message.payload)

    def answered(self, message: Message) -> bool:
        """Note that a message is answered; False where it isn't under way."""
        sent_ns = self._messages.pop(message, None)
        if sent_ns is None:
            return False
        self._bytes -= len(message.payload)
        self._answered_ns = now_ns = self._clock.mono_ns()
        took_ns = now_ns - sent_ns
        self.rtt_ns += (took_ns - self.rtt_ns) // 8 if self.rtt_ns else took_ns
        self._quickest_ns = min(self._quickest_ns, took_ns)
        self._round_ns += took_ns
        self._round += 1
        if self._round >= self.window:
            self._adjust(now_ns)
        return True

    def give_up(self, message: Message) -> None:
        """Forget one message."""
        if self._messages.pop(message, None) is not None:
            self._bytes -= len(message.payload)

    def clear(self) -> None:
        """Forget all of them."""
        self._messages.clear()
        self._bytes = 0

    def silent_s(self) -> float:
        """Seconds that something has been under way without any answer; 0: nothing is."""
        oldest_ns = next(iter(self._messages.values()), None)
        if oldest_ns is None:
            return 0.0
        return (self._clock.mono_ns() - max(oldest_ns, self._answered_ns)) * 1e-9

    def _adjust(self, now_ns: int) -> None:
        """Once a window of answers: compare what they took with the quickest."""
        quickest_ns = min(self._quickest_ns, self._quickest_before_ns)
        behind_ns = self._round_ns // self._round - quickest_ns
        if behind_ns > SHRINK_NS:
            # what would be answered within that time, but no less than half of it at once
            share = (quickest_ns + SHRINK_NS) / (quickest_ns + behind_ns)
            self.window = max(LEAST, min(self._limit, round(self.window * max(0.5, share))))
        elif behind_ns < GROW_NS and self._was_full:
            self.window = min(self._limit, self.window * 2)
        self.window = min(self.window, self._limit)
        self._round_ns = self._round = 0
        self._was_full = False
        if now_ns - self._quickest_since_ns > IDLE_NS:
            self._quickest_before_ns, self._quickest_ns = self._quickest_ns, NEVER
            self._quickest_since_ns = now_ns
