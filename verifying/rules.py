"""What is judged: each rule in a sentence, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.words import _


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must be so.

    Attributes:
        name: stable, the same in every language; a test case's name in JUnit.
        text: the rule, translated.
        source: where it stands.
    """

    name: str
    text: str
    source: str


def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of a report."""
    return (
        Rule("topic", _("every topic is the address of a channel"), "asyncapi: channels"),
        Rule("payload", _("a payload is one JSON object in UTF-8"), "asyncapi: defaultContentType"),
        Rule("schema", _("a payload fits its channel's schema"), "asyncapi: components/schemas"),
        Rule("qos", _("messages are published at QoS 1"), "asyncapi: operations/*/bindings"),
        Rule(
            "retain",
            _("a message is published retained where its operation says so, and only there"),
            "asyncapi: operations/*/bindings",
        ),
        Rule(
            "kept",
            _("a new subscriber is given the newest message of each retained topic"),
            "asyncapi: operations/*/bindings",
        ),
        Rule("address", _("what a payload says of its place is where it is"), "asyncapi: info"),
        Rule(
            "hist", _("telemetry on …/hist says hist: true, on …/live false"), "asyncapi: envelope"
        ),
        Rule("late", _("a live record is less than 10 s old"), "asyncapi: envelope.hist"),
        Rule("identity", _("an id never comes with another body"), "platform.md: 1"),
        Rule("order", _("first deliveries keep their order, topic by topic"), "platform.md: 2"),
        Rule("missing", _("ids have no holes but those declared"), "platform.md: 3"),
        Rule("gap", _("a gap record says what is missing, exactly"), "platform.md: 3"),
        Rule("status", _("(epoch, conn) never goes back"), "platform.md: 4"),
        Rule(
            "speaker",
            _("live records come from the epoch that the status tells, while it is online"),
            "platform.md: 4",
        ),
        Rule("windows", _("a window's rev rises when it is told anew"), "platform.md: 5"),
        Rule("figures", _("a window's times, counts and ratios agree"), "platform.md: 5, 6"),
        Rule("null", _("null has quality 2, and quality 2 is null"), "platform.md: 6"),
        Rule("meta", _("a meta comes before the first telemetry of its rev"), "platform.md: meta"),
        Rule(
            "tags", _("telemetry holds the tags of its meta, in their types"), "platform.md: meta"
        ),
        Rule("state", _("a state names the one before it, and begins after it"), "asyncapi: state"),
        Rule("command", _("a command is answered once, and only commands are"), "asyncapi: reply"),
        Rule("clock", _("an event/clock follows times marked unsync"), "asyncapi: clock"),
    )
