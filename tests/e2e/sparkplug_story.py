"""What a node did at its brokers, as the looks at Sparkplug's requirements take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.sparkplug_tap import Said, Talk

BIRTHS, DATA, DEATHS = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA"), ("NDEATH", "DDEATH")
GROUP, NODE = "e1.s1", "gw-01"
REBIRTH = "Node Control/Rebirth"


@dataclass
class Story:
    """What a node did, over several connections.

    Attributes:
        talks: its connections.
        rebirths: (connection, messages said before a rebirth was asked for).
        waited: messages that the first connection said before the primary host was online.
        mark: when it began, UTC ms.
        taken: (topic, body) of the commands that came out of its DCMDs.
        walk: connections at each of two servers, while the primary host came and went.
        steps: what the node had said at each server after each of the host's moves.
    """

    talks: list[Talk]
    rebirths: list[tuple[int, int]] = field(default_factory=list)
    waited: int = -1
    mark: int = 0
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    walk: tuple[list[Talk], list[Talk]] = field(default_factory=lambda: ([], []))
    steps: dict[str, tuple[int, int]] = field(default_factory=dict)

    def said(self, *kinds: str) -> list[Said]:
        return [said for talk in self.talks for said in talk.of(*kinds)]

    def metrics(self, *kinds: str) -> Iterator[tuple[Said, Any]]:
        for said in self.said(*kinds):
            for metric in said.message.metrics:
                yield said, metric


Look = Callable[[Story], None]
Rules = dict[str, Look]


def into(rules: Rules) -> Callable[[str], Callable[[Look], Look]]:
    """Make a decorator that says which requirements a look proves."""

    def rule(ids: str) -> Callable[[Look], Look]:
        def note(look: Look) -> Look:
            for name in ids.split():
                assert f"tck-id-{name}" not in rules, name
                rules[f"tck-id-{name}"] = look
            return look

        return note

    return rule
