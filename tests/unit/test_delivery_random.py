"""Any order of events: nothing lost, nothing changed, order kept per topic and lane."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.publishers.refusals import Verdict
from tests.unit.delivery_fakes import Rig

if TYPE_CHECKING:
    from gateway.model import Record
    from gateway.publishers.message import Message

CLASSES = ("telemetry", "telemetry", "telemetry", "state", "event/x", "meta")


class Broker(RuleBasedStateMachine):
    """A gateway's life over a bad line, with a broker that sometimes has had enough."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(rate=200.0)
        self.connected = False
        self.held = False
        self.unanswered: list[Message] = []
        self.looked_at = 0
        self.lanes: dict[Message, str] = {}
        self.bodies: dict[int, bytes] = {}
        self.handed_over: set[int] = set()
        self.order: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.saved = self.rig.position.standing
        self.note_lanes()

    def note_lanes(self) -> None:
        encode = self.rig.delivery._encode

        def noting(
            record: Record, *, again: bool = True, retain: bool = False, hist: bool = False
        ) -> Message:
            message = encode(record, again=again, retain=retain, hist=hist)
            self.lanes[message] = "backlog" if hist else "live" if again else "restated"
            return message

        self.rig.delivery._encode = noting  # type: ignore[method-assign]

    def observe(self) -> None:
        """Check and note what was sent since the last look."""
        for message in self.rig.transport.sent[self.looked_at :]:
            self.unanswered.append(message)
            if not message.key:
                continue
            record = self.rig.store.records[message.key - 1]
            committed = message.key <= self.rig.store.committed_key
            assert record.cls == "telemetry" or committed, "out before its commit"
            if record.cls == "telemetry":
                metas = (r for r in self.rig.store.records if r.cls == "meta")
                due = {r.key for r in metas if r.asset == record.asset and r.key < message.key}
                assert self.held or not due or max(due) in self.bodies, "ahead of its meta"
            body = message.payload.split(b" ", 2)[2]
            assert self.bodies.setdefault(message.key, body) == body, "changed on the way"
            lane = self.lanes[message]
            if lane != "restated" and message.key not in self.handed_over:
                self.handed_over.add(message.key)
                self.order[message.topic, lane].append(message.key)
        self.looked_at = len(self.rig.transport.sent)

    @rule(cls=st.sampled_from(CLASSES), asset=st.sampled_from(("a1", "a2")))
    def make(self, cls: str, asset: str) -> None:
        self.rig.make(cls, asset)
        self.rig.pump()
        self.observe()

    @rule()
    def commit(self) -> None:
        self.saved = self.rig.position.standing
        self.rig.store.commit()
        self.rig.pump()
        self.observe()

    @rule(clean=st.booleans())
    def restart(self, *, clean: bool) -> None:
        """A process ends, at once or in order, and another one goes on."""
        if self.connected:
            self.lose()
        self.rig.store.commit()
        if clean:
            self.saved = self.rig.position.standing
        self.held = True  # what was acknowledged and not saved is handed over again
        self.rig.start(self.saved)
        self.note_lanes()

    @rule(first=st.integers(1, 60), count=st.integers(1, 30))
    def resend(self, first: int, count: int) -> None:
        self.rig.delivery.resend(first, first + count)
        self.rig.pump()
        self.observe()

    @precondition(lambda self: not self.connected)
    @rule(window=st.integers(1, 8), spread_s=st.sampled_from((0.0, 0.5)))
    def connect(self, window: int, spread_s: float) -> None:
        self.looked_at = 0
        self.rig.connect(window, spread_s)
        self.connected = True
        self.observe()

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self) -> None:
        self.rig.delivery.lost()
        self.connected = False
        self.unanswered = []

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.unanswered) - 1))
        verdict = data.draw(
            st.sampled_from(
                (
                    *[Verdict.DELIVERED] * 6, Verdict.UNHEARD, Verdict.LATER,
                    Verdict.HOLD_TOPIC, Verdict.HOLD_TOPIC, Verdict.SET_ASIDE,
                )
            )
        )  # fmt: skip
        self.held |= verdict is Verdict.HOLD_TOPIC
        self.rig.answer(self.unanswered.pop(index), verdict)
        self.observe()

    @rule(seconds=st.sampled_from((0.01, 0.1, 1.0, 20.0)))
    def wait(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)
        self.rig.pump()
        self.observe()

    @invariant()
    def the_window_holds(self) -> None:
        assert len(self.rig.delivery.flight) <= self.rig.transport.window

    @invariant()
    def nothing_counts_as_done_that_is_not(self) -> None:
        known = self.rig.position.acked | set(self.rig.position.declared)
        for record in self.rig.store.records:
            done = self.rig.position.is_done(record.place, record.key)
            assert record.key in known or not done

    @invariant()
    def order_holds(self) -> None:
        """What a refusal held back comes later by nature."""
        if self.held:
            return
        for keys in self.order.values():
            assert keys == sorted(keys)

    def teardown(self) -> None:
        """A good connection at last: everything committed arrives, and once acknowledged."""
        rig = self.rig
        rig.store.commit()
        if self.connected:
            self.lose()
        rig.clock.advance(1000.0)
        self.connect(100, 0.0)
        rig.answer_all()
        assert {r.key for r in rig.store.records} == rig.position.acked | set(rig.position.declared)
        assert rig.delivery.idle
        assert (rig.position.low, rig.position.ranges) == (rig.store.last_key, [])
        assert not len(rig.position.parked)
        assert rig.position.pending(rig.store.last_key) == 0
        super().teardown()


Broker.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestBroker = Broker.TestCase
