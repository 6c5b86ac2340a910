"""What every publisher is, and what it needs of the store.

A publisher takes records as they are made (`offer`), sends them in its own format over its own
client, and forgets a record only when the other side has acknowledged it. Where it stands is kept
by the store, a position per publisher, so that one broker's outage is no other broker's concern.
`delivery.py` holds the part that all of them share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.model import Draft, Place, Record
    from gateway.publishers.inbox import Take
    from gateway.settings import Identity


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """How a publisher fares, for displays; nobody decides anything from it.

    Attributes:
        url: the server in use, or tried last.
        version: of the protocol spoken, e.g. `5`; "" before the first connection.
        since_ms: UTC ms since when `connected` is as it is.
        error: why it is not connected, or "".
        cause: the same in a word (`causes.Cause`), or "".
        attempts: at a connection, that have begun since the process did; 0 where they aren't
            counted.
        note: what works but should be known (a fallback, messages that nobody hears), or "".
        outbox: records not yet delivered, as far as the store knows.
        in_flight: sent and not yet acknowledged.
        window: how many may be.
        rtt_ms: from sending to acknowledgement, smoothed; 0 before the first of a connection.
        answered_ms: UTC ms of the last acknowledgement; 0 before the first.
        acked: records acknowledged since the process began.
        unheard: acknowledged although nobody subscribes.
        held: topic → why the other side refuses it; its records are kept and tried again.
        parked: records that refused topics hold back, about; the outbox counts them too.
        aside: records set aside since the process began: the other side will never take them.
    """

    connected: bool
    url: str
    version: str
    since_ms: int
    error: str
    note: str
    outbox: int
    in_flight: int
    window: int
    rtt_ms: float
    answered_ms: int
    acked: int
    unheard: int
    held: Mapping[str, str]
    parked: int
    aside: int
    cause: str = ""
    attempts: int = 0


class Publisher(Protocol):
    """One destination of the site file's `publish` section."""

    @property
    def name(self) -> str:
        """Its key in the site file; also the name of its position in the store."""

    def offer(self, records: Sequence[Record]) -> None:
        """Take records just appended to the store; on the loop's thread, never blocks."""

    @property
    def most_body(self) -> int:
        """Bytes of a telemetry body that the other side takes, as far as it is known."""

    def resend(self, first: int, last: int) -> int:
        """Send stored records again, whatever was acknowledged: as history, with their old ids.

        They go beside live data, at the backlog's rate, and move no position. What is not
        delivered yet comes by itself.

        Args:
            first: key of the first.
            last: key of the last, which is in it.

        Returns:
            About how many records are stored of the range; 0 also when too many requests wait.
        """

    def listen(self, take: Take) -> None:
        """Hand over commands that arrive, while its section allows some; called before `run`."""

    def reply(self, topic: str, payload: bytes) -> None:
        """Answer a command: sent ahead of everything else, now or once there is a connection."""

    async def run(self) -> None:
        """Connect, deliver, reconnect, until cancelled or stopped."""

    def clear(self, records: Sequence[Record]) -> None:
        """Have the other side let go of what it keeps of these; so does each new connection."""

    def announce(self, reason: str) -> None:
        """Tell the status now, with a reason of the contract."""

    async def change(self, config: Any) -> None:  # noqa: ANN401 - settings of its own kind
        """Be what another version of the section says, on a connection of its own."""

    def cut(self, seconds: float) -> None:
        """Break the connection as a torn cable does, and make none for so long."""

    async def stop(self) -> None:
        """Take no more, give what is in flight a moment, say goodbye; `run` then returns."""

    def status(self) -> PublisherStatus:
        """How it fares now."""


class Factory(Protocol):
    """What an entry point of `nxgate.publishers` names."""

    def __call__(
        self,
        *,
        name: str,
        config: Any,  # noqa: ANN401 - settings of its own kind
        store: RecordStore,
        identity: Identity,
        clock: Clock,
    ) -> Publisher:
        """Make the publisher; nothing is opened yet."""


class Stand(Protocol):
    """What is parked of one place: some records with first ≤ key ≤ last."""

    @property
    def first(self) -> int:
        """Key of the first."""

    @property
    def last(self) -> int:
        """No key after it; beyond all keys while what comes is parked as well."""


class ParkedPlaces(Protocol):
    """Records that count as done with and are not: their topics are refused."""

    def __len__(self) -> int:
        """How many places have any."""

    @property
    def count(self) -> int:
        """How many records they are, about."""

    def places(self) -> Iterable[tuple[Place, Stand]]:
        """Each of them."""

    def stand(self, place: Place) -> Stand | None:
        """What is parked of one place."""

    def covers(self, place: Place, key: int) -> bool:
        """Tell whether a record is parked."""


class Position(Protocol):
    """What one publisher has delivered: everything up to `low`, and single keys above it.

    What a refused topic holds back counts as done with there, and is `parked`. Every change is
    saved with the next commit.
    """

    @property
    def low(self) -> int:
        """Everything up to this key is done with."""

    @property
    def parked(self) -> ParkedPlaces:
        """What is refused for now."""

    def is_acked(self, key: int) -> bool:
        """Tell whether a record is delivered, given up or parked."""

    def is_done(self, place: Place, key: int) -> bool:
        """Tell whether a record is delivered or given up."""

    def delivered(self, place: Place, key: int) -> None:
        """Note that a record is delivered."""

    def give_up(self, record: Record, parts: Sequence[Draft] = ()) -> None:
        """Declare a record that will never be taken, with what says the same in its place."""

    def park(self, place: Place, key: int, *, rest: bool) -> None:
        """Set an undelivered record apart, and (`rest`) whatever comes of its place."""

    def close_parked(self, last: int, place: Place | None = None) -> None:
        """Try what comes after a key anew: of one place, or of all."""

    def advance(self, place: Place, first: int) -> None:
        """Note that nothing of a place before this key is parked any more."""

    def pending(self, last_key: int) -> int:
        """Roughly how many records up to `last_key` are not delivered yet."""


class RecordStore(Protocol):
    """The store as a publisher sees it."""

    on_commit: list[Callable[[int], None]]

    @property
    def folder(self) -> Path:
        """Where it is on disk; what a publisher has to remember stands there too."""

    @property
    def epoch(self) -> int:
        """First half of every id given now."""

    @property
    def last_key(self) -> int:
        """Key of the record appended last."""

    @property
    def committed_key(self) -> int:
        """Key of the last record that is on disk."""

    @property
    def ring(self) -> bool:
        """True while memory does for a disk that takes nothing: little waits for its commit."""

    def position(self, publisher: str) -> Position:
        """Where a publisher stands."""

    def current(self) -> Mapping[Place, Record]:
        """The newest meta, state and alarms, by place."""

    @property
    def gone(self) -> Sequence[Record]:
        """The newest statements of assets that are no more: what a server keeps of them goes."""

    def holds(self, first: int, last: int) -> int:
        """About how many committed records have keys from `first` to `last`."""

    async def read(self, after: int, upto: int, limit: int) -> Sequence[Record]:
        """Read committed records with after < key ≤ upto, oldest first."""

    def raise_epoch(self, above: int) -> None:
        """Give ids of an epoch higher than `above` from now on."""
