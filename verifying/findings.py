"""What was found: faults with their first examples, checks made, and what could not be judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

EXAMPLES = 5
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Example:
    """One fault.

    Attributes:
        topic: where, "" where it is of no topic.
        id: of the record, "" where it has none.
        what: is wrong, translated.
    """

    topic: str
    id: str
    what: str


@dataclass(slots=True)
class Finding:
    """What was found of one rule.

    Attributes:
        judged: how often it was looked at.
        faults: how often it was broken.
        examples: the first few faults.
        unjudged: why it could not be judged → how often.
    """

    judged: int = 0
    faults: int = 0
    examples: list[Example] = field(default_factory=list)
    unjudged: Counter[str] = field(default_factory=Counter)


class Findings:
    """One `Finding` by rule name."""

    def __init__(self) -> None:
        self._by_rule: dict[str, Finding] = {}

    def of(self, rule: str) -> Finding:
        """Return what was found of a rule so far."""
        return self._by_rule.setdefault(rule, Finding())

    @property
    def faults(self) -> int:
        """How many there are in all."""
        return sum(finding.faults for finding in self._by_rule.values())

    def judge(self, rule: str, times: int = 1) -> None:
        """Note that a rule was looked at."""
        self.of(rule).judged += times

    def fault(self, rule: str, topic: str, identity: str, what: str, times: int = 1) -> None:
        """Note that a rule was broken."""
        finding = self.of(rule)
        finding.faults += times
        if len(finding.examples) < EXAMPLES:
            finding.examples.append(Example(_cut(topic), _cut(identity), _cut(what)))

    def leave(self, rule: str, why: str, times: int = 1) -> None:
        """Note what could not be judged, and why (translated, one of a few texts)."""
        self.of(rule).unjudged[why] += times


def _cut(text: str) -> str:
    """Keep a text short enough for a report, whatever a payload brought."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
