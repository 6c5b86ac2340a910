"""Sparkplug's requirements of an edge node's sessions: who says what, when, in which order."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.e2e.sparkplug_story import BIRTHS, DATA, GROUP, NODE, REBIRTH, Rules, Story, into

if TYPE_CHECKING:
    from tests.e2e.sparkplug_tap import Said

RULES: Rules = {}
rule = into(RULES)


@rule("""
    topic-structure topic-structure-namespace-a topics-nbirth-topic topics-ndata-topic
    topics-ndeath-topic topics-dbirth-topic topics-ddata-topic topics-ddeath-topic
    message-flow-edge-node-birth-publish-nbirth-topic
    message-flow-device-birth-publish-dbirth-topic
    message-flow-device-birth-publish-dbirth-match-edge-node-topic
    message-flow-edge-node-birth-publish-will-message-topic
    topic-structure-namespace-device-id-associated-message-types
    topic-structure-namespace-device-id-non-associated-message-types
    operational-behavior-device-ddeath""")
def topics(story: Story) -> None:
    seen = Counter(said.kind for talk in story.talks for said in talk.sparkplug)
    assert seen.keys() == {*BIRTHS, *DATA, "NDEATH", "DDEATH"}
    wills = [talk.will for talk in story.talks if talk.will is not None]
    assert all(will.kind == "NDEATH" for will in wills)
    for said in (*wills, *(said for talk in story.talks for said in talk.sparkplug)):
        assert said.levels[:2] == ["spBv1.0", GROUP]
        assert said.levels[3] == NODE
        assert len(said.levels) == (5 if said.kind[0] == "D" else 4)


@rule("""
    intro-group-id-string intro-group-id-chars intro-edge-node-id-string
    intro-edge-node-id-chars intro-device-id-string intro-device-id-chars
    topic-structure-namespace-valid-group-id topic-structure-namespace-valid-edge-node-id
    topic-structure-namespace-valid-device-id topic-structure-namespace-unique-device-id
    case-sensitivity-sparkplug-ids""")
def ids(story: Story) -> None:
    levels = {level for talk in story.talks for said in talk.sparkplug for level in said.levels}
    assert all(level and not set(level) & set("+#/\0") for level in levels)
    devices = {said.device for said in story.said("DBIRTH")}
    assert len({device.lower() for device in devices}) == len(devices) >= 3


@rule("""
    principles-birth-certificates-order message-flow-edge-node-birth-publish-connect
    message-flow-device-birth-publish-nbirth-wait payloads-dbirth-order payloads-ndata-order
    payloads-ddata-order""")
def births_come_first(story: Story) -> None:
    for talk in story.talks:
        kinds = [said.kind for said in talk.sparkplug if said.kind != "NDEATH"]
        if not kinds:
            continue
        assert kinds[0] == "NBIRTH"
        alive: set[str] = set()
        for said in talk.sparkplug:
            match said.kind:
                case "NBIRTH":
                    alive = {""}
                case "DBIRTH":
                    assert "" in alive
                    alive.add(said.device)
                case "DDEATH":
                    alive.remove(said.device)
                case "NDATA" | "DDATA":
                    assert said.device in alive, said.topic


@rule("principles-persistence-clean-session-311 principles-persistence-clean-session-50")
def sessions_are_clean(story: Story) -> None:
    assert {talk.version for talk in story.talks} in ({4}, {5})
    assert all(talk.clean and talk.expiry == 0 for talk in story.talks)


@rule("""
    message-flow-edge-node-ncmd-subscribe message-flow-device-dcmd-subscribe
    operational-behavior-primary-application-state-with-multiple-servers-state-subs""")
def subscriptions(story: Story) -> None:
    for talk in story.talks:
        found = dict(talk.subscribed)
        assert found[f"spBv1.0/{GROUP}/NCMD/{NODE}"] == 1
        assert found[f"spBv1.0/{GROUP}/DCMD/{NODE}/+"] == 1
        assert found["spBv1.0/STATE/scada"] == 1
        assert talk.behind == 0


@rule("""
    message-flow-edge-node-birth-publish-will-message
    message-flow-edge-node-birth-publish-will-message-payload
    message-flow-edge-node-birth-publish-will-message-qos
    message-flow-edge-node-birth-publish-will-message-will-retained
    payloads-ndeath-will-message payloads-ndeath-will-message-qos
    payloads-ndeath-will-message-retain topics-ndeath-payload topics-ndeath-seq
    payloads-ndeath-seq""")
def wills(story: Story) -> None:
    told = story.said("NDEATH")
    assert told
    for talk in story.talks:
        assert talk.will is not None
        assert (talk.will.qos, talk.will.retain) == (1, False)
        told.append(talk.will)
    for said in told:
        (metric,) = said.message.metrics
        assert (metric.name, metric.datatype) == ("bdSeq", 4)
        assert not said.message.HasField("seq")


@rule("""
    message-flow-edge-node-birth-publish-will-message-payload-bdSeq topics-nbirth-bdseq-increment
    message-flow-edge-node-birth-publish-nbirth-payload-bdSeq topics-nbirth-bdseq-included
    topics-nbirth-bdseq-matching payloads-nbirth-bdseq payloads-nbirth-bdseq-repeat
    payloads-ndeath-bdseq operational-behavior-data-commands-rebirth-action-3""")
def bd_seq(story: Story) -> None:
    numbers = [_bd_seq(talk.will) for talk in story.talks if talk.will is not None]
    assert len(numbers) >= 3
    assert numbers == [number % 256 for number in range(numbers[0], numbers[0] + len(numbers))]
    assert numbers[0] == 0
    for talk, number in zip(story.talks, numbers, strict=True):
        assert {_bd_seq(said) for said in talk.of("NBIRTH", "NDEATH")} <= {number}
    assert max(len(talk.of("NBIRTH")) for talk in story.talks) > 1


def _bd_seq(said: Said) -> int:
    (metric,) = [metric for metric in said.message.metrics if metric.name == "bdSeq"]
    assert metric.datatype == 4
    assert not metric.HasField("is_null")
    return int(metric.long_value)


@rule("""
    message-flow-edge-node-birth-publish-phid-wait message-flow-edge-node-birth-publish-phid-wait-id
    message-flow-edge-node-birth-publish-phid-wait-online
    operational-behavior-edge-node-birth-sequence-wait host-topic-phid-birth-topic
    host-topic-phid-birth-payload host-topic-phid-birth-retain""")
def waits_for_its_host(story: Story) -> None:
    assert story.waited == 0


@rule("""
    message-flow-edge-node-birth-publish-nbirth-payload-seq topics-nbirth-seq-num
    message-flow-device-birth-publish-dbirth-payload-seq topics-ndata-seq-num topics-dbirth-seq
    topics-ddata-seq-num topics-ddeath-seq-num payloads-sequence-num-always-included
    payloads-sequence-num-req-nbirth payloads-sequence-num-incrementing payloads-nbirth-seq
    payloads-dbirth-seq payloads-dbirth-seq-inc payloads-ndata-seq payloads-ndata-seq-inc
    payloads-ddata-seq payloads-ddata-seq-inc payloads-ddeath-seq payloads-ddeath-seq-inc
    payloads-ddeath-seq-number""")
def sequence_numbers(story: Story) -> None:
    assert rounds(story), "the numbers never came round"


def rounds(story: Story) -> int:
    """Hold each number against the one before; return how often they came round."""
    counted = 0
    for talk in story.talks:
        due = 0
        for said in talk.of(*BIRTHS, *DATA, "DDEATH"):
            assert said.message.HasField("seq")
            if said.kind == "NBIRTH":
                due = 0
            assert said.message.seq == due, said.topic
            due = (due + 1) % 256
            counted += due == 0
    return counted


@rule("""
    operational-behavior-edge-node-intentional-disconnect-ndeath
    operational-behavior-edge-node-intentional-disconnect-packet
    payloads-ndeath-will-message-publisher
    payloads-ndeath-will-message-publisher-disconnect-mqtt311
    payloads-ndeath-will-message-publisher-disconnect-mqtt50""")
def goodbyes(story: Story) -> None:
    parted = [talk for talk in story.talks if talk.goodbye is not None]
    assert parted
    for talk in parted:
        assert talk.said[-1].kind == "NDEATH"
        assert talk.goodbye == (4 if talk.version == 5 else 0)


@rule("""
    topics-nbirth-rebirth-metric operational-behavior-data-commands-rebirth-name
    operational-behavior-data-commands-rebirth-name-aliases
    operational-behavior-data-commands-rebirth-datatype
    operational-behavior-data-commands-rebirth-value payloads-nbirth-rebirth-req""")
def rebirth_can_be_asked_for(story: Story) -> None:
    for said in story.said("NBIRTH"):
        (metric,) = [metric for metric in said.message.metrics if metric.name == REBIRTH]
        assert not metric.HasField("alias")
        assert (metric.datatype, metric.boolean_value) == (11, False)
        assert metric.HasField("boolean_value")


@rule("""
    operational-behavior-data-commands-rebirth-action-1
    operational-behavior-data-commands-rebirth-action-2
    operational-behavior-data-commands-ncmd-rebirth-verb
    operational-behavior-data-commands-ncmd-rebirth-name
    operational-behavior-data-commands-ncmd-rebirth-value
    operational-behavior-data-commands-ncmd-verb topics-ncmd-topic topics-ncmd-payload
    operational-behavior-data-commands-ncmd-metric-name
    operational-behavior-data-commands-ncmd-metric-value""")
def rebirth_is_done(story: Story) -> None:
    assert story.rebirths
    for place, before in story.rebirths:
        said = story.talks[place].said[before:]
        kinds = [one.kind for one in said]
        at = kinds.index("NBIRTH")
        assert not set(kinds[:at]) & {*DATA, "DBIRTH"}
        devices = {one.device for one in story.talks[place].said[:before] if one.kind == "DBIRTH"}
        born = {one.device for one in said[at + 1 : at + 1 + len(devices)] if one.kind == "DBIRTH"}
        assert born == devices


@rule("""
    message-flow-edge-node-birth-publish-phid-offline
    operational-behavior-edge-node-termination-host-offline host-topic-phid-death-payload""")
def leaves_when_its_host_goes(story: Story) -> None:
    first = story.walk[0][0]
    assert first.goodbye is not None
    assert first.said[-1].kind == "NDEATH"


@rule("""
    operational-behavior-edge-node-termination-host-offline-reconnect
    operational-behavior-primary-application-state-with-multiple-servers-walk""")
def walks_to_the_next_server(story: Story) -> None:
    before, after = story.steps["gone"]
    assert before > 0
    assert after == 0
    assert story.steps["elsewhere"][1] > 0
    assert any(talk.of("NBIRTH") for talk in story.walk[1])


@rule("""
    operational-behavior-edge-node-termination-host-offline-timestamp
    message-flow-edge-node-birth-publish-phid-wait-timestamp""")
def passes_over_what_is_old(story: Story) -> None:
    assert story.steps["old news"] == story.steps["born"]


@rule("operational-behavior-primary-application-state-with-multiple-servers-single-server")
def is_with_one_server_at_a_time(story: Story) -> None:
    spans = [(t.opened_s, t.closed_s) for talks in story.walk for t in talks if t.will is not None]
    spans.sort()
    assert len(spans) >= 2
    assert all(end <= start for (_s, end), (start, _e) in pairwise(spans))
