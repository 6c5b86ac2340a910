"""Rows that are taken over as they stand say what rows that are read say."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Record
from gateway.publishers.dialects.huawei import _properties
from gateway.publishers.dialects.samples import rows, samples, spelt

NAMES = st.sampled_from(["t", "m", "q", "rows", "a-b", "x.y", "kw", '}},{"t":1', "温度"])
VALUES = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(['}},{"t":5,"m":{', '"q":{', '"', "\\", 'a":', "中"]),
)
ROW = st.tuples(st.integers(0, 2**43), st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))


def record(body: object, cls: str = "telemetry") -> Record:
    return Record(1, cls, "l1", "press-1", 5, orjson.dumps(body))


@settings(max_examples=300, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=4))
def test_rows_taken_over_say_the_same(given_rows: list[tuple[int, dict[str, object]]]) -> None:
    made = record({"rev": "9f", "rows": [{"t": t, "m": values} for t, values in given_rows]})
    expected = [(sample.t_ms, sample.values) for sample in samples(made)]
    assert [(t, orjson.loads(values)) for t, values in rows(made)] == expected == given_rows
    taken = spelt(made)
    assert taken is None or [(t, orjson.loads(values)) for t, values in taken] == expected
    for _t, values in _properties(made):
        assert all(name.replace("_", "").isascii() for name in orjson.loads(values))
        assert all(c.isalnum() or c == "_" for name in orjson.loads(values) for c in name)


def test_what_could_not_be_read_is_left_out() -> None:
    bad = {"t": 2, "m": {"kw": None, "n": 1}, "q": {"kw": 2, "n": 1}}
    only = {"t": 3, "m": {"kw": None}, "q": {"kw": 2}}
    made = record({"rev": "9f", "rows": [{"t": 1, "m": {"kw": 7.5}}, bad, only]})
    assert spelt(made) is None
    assert rows(made) == [(1, b'{"kw":7.5}'), (2, b'{"n":1}')]


def test_a_restatement_falls_on_what_it_restates() -> None:
    win = {"start": 1000, "end": 2000, "kind": "hour", "shift": "day"}
    told = [
        samples(record({"win": win, "rev": rev, "a": a, "p": None, "count": {"good": 3}}, "oee"))
        for rev, a in ((0, 0.5), (1, 0.6))
    ]
    assert [one[0].t_ms for one in told] == [1000, 1000]
    assert told[0][0].values.keys() == told[1][0].values.keys()
    assert told[1][0].values == {
        "oee_hour_end": 2000,
        "oee_hour_shift": "day",
        "oee_hour_rev": 1,
        "oee_hour_a": 0.6,
        "oee_hour_count_good": 3,
    }
