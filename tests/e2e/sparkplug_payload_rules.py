"""Sparkplug's requirements of what stands in an edge node's payloads."""

from __future__ import annotations

import time

from google.protobuf.unknown_fields import UnknownFieldSet

from tests.e2e.sparkplug_story import BIRTHS, DATA, DEATHS, REBIRTH, Rules, Story, into

RULES: Rules = {}
rule = into(RULES)

BASIC = frozenset(range(1, 16))
QUALITIES = {0, 192, 500}


@rule("case-sensitivity-metric-names")
def names_differ_by_more_than_case(story: Story) -> None:
    for said in story.said(*BIRTHS):
        names = [metric.name for metric in said.message.metrics]
        assert len({name.lower() for name in names}) == len(names)


@rule("""
    message-flow-edge-node-birth-publish-nbirth-payload
    message-flow-device-birth-publish-dbirth-payload""")
def payloads_are_whole(story: Story) -> None:
    for said in story.said(*BIRTHS, *DATA, *DEATHS):
        message = said.message
        for part in (message, *message.metrics, *(m.properties for m in message.metrics)):
            assert not len(UnknownFieldSet(part)), said.topic


@rule("""
    message-flow-edge-node-birth-publish-nbirth-qos
    message-flow-edge-node-birth-publish-nbirth-retained topics-nbirth-mqtt topics-ndata-mqtt
    topics-dbirth-mqtt topics-ddata-mqtt topics-ddeath-mqtt payloads-nbirth-qos
    payloads-nbirth-retain payloads-dbirth-qos payloads-dbirth-retain payloads-ndata-qos
    payloads-ndata-retain payloads-ddata-qos payloads-ddata-retain
    message-flow-device-birth-publish-dbirth-qos message-flow-device-birth-publish-dbirth-retained
    """)
def qos_0_and_not_retained(story: Story) -> None:
    sent = story.said(*BIRTHS, *DATA, "DDEATH")
    assert {said.kind for said in sent} == {*BIRTHS, *DATA, "DDEATH"}
    assert all((said.qos, said.retain) == (0, False) for said in sent)


@rule("""
    topics-nbirth-timestamp topics-ndata-timestamp topics-dbirth-timestamp topics-ddata-timestamp
    payloads-timestamp-in-UTC payloads-nbirth-timestamp payloads-dbirth-timestamp
    payloads-ndata-timestamp payloads-ddata-timestamp payloads-ddeath-timestamp""")
def payloads_say_when_they_were_sent(story: Story) -> None:
    now_ms = time.time() * 1000
    for talk in story.talks:
        times = [said.message.timestamp for said in talk.of(*BIRTHS, *DATA, *DEATHS)]
        assert times == sorted(times)
        assert all(story.mark - 2000 <= ms <= now_ms + 2000 for ms in times)


@rule("""
    payloads-name-birth-data-requirement payloads-metric-timestamp-in-UTC""")
def metrics_have_times(story: Story) -> None:
    for _said, metric in story.metrics(*BIRTHS, *DATA):
        assert metric.HasField("timestamp")
        assert 1_600_000_000_000 < metric.timestamp < 4_000_000_000_000


@rule("""
    topics-nbirth-metric-reqs topics-dbirth-metric-reqs operational-behavior-data-publish-nbirth
    operational-behavior-data-publish-dbirth payloads-alias-data-cmd-requirement
    payloads-name-requirement""")
def births_tell_of_all_that_comes(story: Story) -> None:
    for talk in story.talks:
        known: dict[str, dict[int, int]] = {}
        for said in talk.of(*BIRTHS, *DATA):
            if said.kind in BIRTHS:
                told = {m.alias: m.datatype for m in said.message.metrics if m.HasField("alias")}
                known[said.device] = told
            else:
                for metric in said.message.metrics:
                    assert not metric.name
                    assert metric.alias in known[said.device], said.topic


@rule("""
    topics-nbirth-metrics topics-dbirth-metrics payloads-metric-datatype-req
    payloads-metric-datatype-value-type payloads-metric-datatype-value
    operational-behavior-data-publish-nbirth-values
    operational-behavior-data-publish-dbirth-values""")
def births_say_name_datatype_and_value(story: Story) -> None:
    fields = {
        4: "long_value",
        10: "double_value",
        11: "boolean_value",
        12: "string_value",
        13: "long_value",
        16: "dataset_value",
    }
    nulls = 0
    for _said, metric in story.metrics(*BIRTHS):
        assert metric.name
        assert metric.datatype in fields
        present = [name for name in {*fields.values(), "int_value"} if metric.HasField(name)]
        nulls += metric.is_null
        assert present == ([] if metric.is_null else [fields[metric.datatype]]), metric.name
    assert nulls


@rule("payloads-metric-datatype-not-req")
def data_leaves_the_datatype_out(story: Story) -> None:
    assert not any(metric.HasField("datatype") for _said, metric in story.metrics(*DATA))


@rule("payloads-alias-uniqueness payloads-alias-birth-requirement")
def aliases(story: Story) -> None:
    for talk in story.talks:
        owner: dict[int, tuple[str, str]] = {}
        for said in talk.of(*BIRTHS):
            for metric in said.message.metrics:
                if metric.name in {"bdSeq", REBIRTH}:
                    continue
                assert metric.name
                assert metric.HasField("alias")
                named = (said.device, metric.name)
                assert owner.setdefault(metric.alias, named) == named


@rule("""
    operational-behavior-data-publish-nbirth-order operational-behavior-data-publish-dbirth-order
    """)
def values_come_in_time_order(story: Story) -> None:
    old = 0
    for talk in story.talks:
        newest: dict[int, int] = {}
        for said in talk.of(*BIRTHS, *DATA):
            for metric in said.message.metrics:
                if metric.is_historical or not metric.HasField("alias"):
                    old += metric.is_historical
                    continue
                if metric.is_null and said.kind in BIRTHS:
                    continue
                assert metric.timestamp >= newest.get(metric.alias, 0), (said.topic, metric.alias)
                newest[metric.alias] = metric.timestamp
    assert old, "nothing came late"


@rule("""
    payloads-propertyset-keys-array-size payloads-propertyset-values-array-size
    payloads-metric-propertyvalue-type-type payloads-metric-propertyvalue-type-value
    payloads-metric-propertyvalue-type-req""")
def properties(story: Story) -> None:
    fields = {3: "int_value", 10: "double_value", 12: "string_value"}
    names: set[str] = set()
    for _said, metric in story.metrics(*BIRTHS, *DATA):
        told = metric.properties
        assert len(told.keys) == len(told.values)
        names |= set(told.keys)
        for value in told.values:
            assert value.HasField(fields[value.type])
    assert {"engUnit", "Quality"} <= names


@rule("payloads-propertyset-quality-value-type payloads-propertyset-quality-value-value")
def qualities(story: Story) -> None:
    told = set()
    for _said, metric in story.metrics(*BIRTHS, *DATA):
        for name, value in zip(metric.properties.keys, metric.properties.values, strict=True):
            if name == "Quality":
                assert value.type == 3
                told.add(value.int_value)
    assert told == QUALITIES


@rule("""
    payloads-dataset-column-size payloads-dataset-column-num-headers payloads-dataset-types-def
    payloads-dataset-types-num payloads-dataset-types-type payloads-dataset-types-value
    payloads-dataset-parameter-type-req payloads-template-dataset-value""")
def datasets(story: Story) -> None:
    tables = [metric.dataset_value for _said, metric in story.metrics("DBIRTH")]
    tables = [table for table in tables if table.columns]
    assert tables
    for table in tables:
        assert table.num_of_columns == len(table.columns) == len(table.types) > 0
        assert set(table.types) <= BASIC
        assert table.rows
        for row in table.rows:
            assert len(row.elements) == len(table.columns)
            assert all(element.HasField("string_value") for element in row.elements)


@rule("""
    principles-rbe-recommended operational-behavior-data-publish-nbirth-change
    operational-behavior-data-publish-dbirth-change topics-ndata-payload topics-ddata-payload""")
def data_holds_what_changed(story: Story) -> None:
    assert all(said.message.metrics for said in story.said(*DATA))
    sizes = {len(said.message.metrics) for said in story.said("DDATA")}
    assert min(sizes) == 1
    assert max(sizes) < max(len(said.message.metrics) for said in story.said("DBIRTH"))


@rule("""
    topics-dcmd-topic topics-dcmd-payload operational-behavior-data-commands-dcmd-verb
    operational-behavior-data-commands-dcmd-metric-name
    operational-behavior-data-commands-dcmd-metric-value payloads-name-cmd-requirement""")
def writes_become_commands(story: Story) -> None:
    told = [(topic, body["args"]) for topic, body in story.taken]
    target = "cii/v1/c1/e1/s1/l1/press-1/cmd/write"
    assert told == [
        (target, {"tag": "good", "value": -7}),
        (target, {"tag": "spindle_kw", "value": 7.5}),
        (target, {"tag": "good", "value": 12}),
    ]
    assert len({body["cid"] for _topic, body in story.taken}) == 3
