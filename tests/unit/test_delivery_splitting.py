"""Too large for one message: in parts under ids of their own, or set aside and declared."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Draft
from gateway.publishers.outcomes import LEAST_BODY
from gateway.publishers.refusals import Verdict
from gateway.publishers.splitting import UNBOUNDED, fit, split
from tests.unit.delivery_fakes import Rig


def body_of(rows: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"rev": "r1", "rows": rows})


def large(tags: int = 100) -> bytes:
    return body_of([{"t": 5, "m": {f"tag_{n}": n for n in range(tags)}, "q": {"tag_7": 2}}])


def values(drafts: list[bytes]) -> list[tuple[int, str, object, int]]:
    """(time, tag, value, quality) of every value in some bodies."""
    return [
        (row["t"], name, value, row.get("q", {}).get(name, 0))
        for draft in drafts
        for row in orjson.loads(draft)["rows"]
        for name, value in row["m"].items()
    ]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "t": st.integers(0, 9),
                "m": st.dictionaries(
                    st.text("abc", min_size=1, max_size=5),
                    st.one_of(st.none(), st.integers(0, 1 << 40), st.text(max_size=30)),
                    min_size=1,
                    max_size=12,
                ),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(40, 400),
)
def test_parts_say_the_same_in_the_same_order(rows: list[dict[str, Any]], most: int) -> None:
    for at, row in enumerate(rows):
        marks = {name: 2 for index, name in enumerate(row["m"]) if (index + at) % 3 == 0}
        if marks:
            row["q"] = marks
    whole = body_of(rows)
    draft = Draft("telemetry", "l1", "a1", 3, whole)
    parts = [part.body for part in split(draft, most)] or [whole]
    assert values(parts) == values([whole])
    for part in parts:
        assert orjson.loads(part)["rev"] == "r1"
        assert len(part) <= most or len(values([part])) == 1 or parts == [whole]
    if len(values([whole])) > 1 and len(whole) > most:
        assert len(parts) > 1


def test_what_fits_is_left_alone_and_so_is_another_class() -> None:
    small = Draft("telemetry", "l1", "a1", 3, large(3))
    event = Draft("event/x", "l1", "a1", 3, b'{"data":"%b"}' % (b"x" * 500))
    drafts = [small, event]
    assert fit(drafts, UNBOUNDED) is drafts
    assert list(fit([event, small], 300)) == [event, small]
    parts = fit([event, Draft("telemetry", "l1", "a1", 3, large())], 300)
    assert parts[0] is event
    assert len(parts) > 4


def test_a_record_too_large_goes_in_parts_and_its_id_is_declared() -> None:
    rig = Rig()
    rig.connect(most_bytes=700)
    record = rig.make("telemetry", body=large())
    rig.pump()
    assert rig.sent_keys() == []
    assert rig.position.declared == [record.key]
    assert rig.delivery.outcomes.most_body < 700
    parts = [rig.make("telemetry", body=part.body) for part in rig.position.parts]
    assert values([part.body for part in parts]) == values([record.body])
    rig.pump()
    assert rig.sent_keys() == [part.key for part in parts]
    rig.answer_all()
    assert rig.position.pending(rig.store.last_key) == 0
    assert not rig.delivery.outcomes.aside


@pytest.mark.parametrize("by_disconnect", [False, True])
def test_a_broker_that_tells_no_limit_is_found_out(by_disconnect: bool) -> None:  # noqa: FBT001
    rig = Rig(rate=1e6)
    rig.connect()
    limit, arrived, waiting = 600, list[bytes](), [large()]
    for _turn in range(40):
        for body in waiting:
            rig.make("telemetry", body=body)
        rig.position.parts.clear()
        rig.store.commit()
        rig.pump()
        for message in list(rig.delivery.flight):
            if len(message.payload) <= limit:
                if message.record is not None:
                    arrived.append(message.record.body)
                rig.answer(message)
            elif not by_disconnect:
                rig.answer(message, Verdict.TOO_LARGE, "Packet too large (0x95)")
        if len(rig.delivery.flight):
            rig.delivery.lost(too_large=True)
            rig.connect()
        waiting = [part.body for part in rig.position.parts]
        if not waiting and rig.delivery.idle:
            break
    assert sorted(values(arrived)) == sorted(values([large()]))
    assert LEAST_BODY <= rig.delivery.outcomes.most_body <= limit
    assert not rig.delivery.outcomes.aside


def test_a_backlog_too_large_is_worked_off_at_its_rate() -> None:
    rig = Rig(rate=100.0)
    for _index in range(50):
        rig.make("telemetry", body=large())
    rig.store.commit()
    rig.connect(most_bytes=700)
    rig.pump()
    assert 0 < len(rig.position.declared) <= 15


def test_a_statement_too_large_is_declared_once_however_often_it_is_restated() -> None:
    rig = Rig()
    meta = rig.make("meta", body=b"x" * 500)
    rig.store.commit()
    for _turn in range(3):
        rig.connect(most_bytes=100)
        rig.clock.advance(1.0)
        rig.pump()
        assert rig.sent_keys() == []
        rig.delivery.lost()
    assert rig.position.declared == [meta.key]
    assert rig.delivery.outcomes.aside == 1


def test_a_gap_that_is_refused_makes_no_further_gap() -> None:
    rig = Rig()
    rig.connect()
    gap = rig.make("event/gap")
    rig.store.commit()
    rig.pump()
    rig.answer(rig.transport.sent[-1], Verdict.SET_ASIDE, "no")
    assert rig.position.declared == []
    assert rig.position.is_done(gap.place, gap.key)
