"""A table that forgets what was used longest ago, so that no stream can fill the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """A mapping of at most `most` keys.

    Attributes:
        forgotten: how many keys were pushed out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[K, V] = {}
        self.forgotten = 0

    def get(self, key: K) -> V | None:
        """Return what is held for a key, which then counts as just used."""
        value = self._held.pop(key, None)
        if value is not None:
            self._held[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        """Hold a value; the key used longest ago goes where there are too many."""
        self._held.pop(key, None)
        self._held[key] = value
        if len(self._held) > self._most:
            del self._held[next(iter(self._held))]
            self.forgotten += 1

    def pop(self, key: K) -> V | None:
        """Forget a key on purpose; return what was held."""
        return self._held.pop(key, None)

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield what is held, used longest ago first."""
        return iter(list(self._held.items()))

    def values(self) -> Iterator[V]:
        """Yield the values alone."""
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)
