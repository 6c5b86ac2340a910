"""Which make and model a device is: its signs asked for, hypothesis by hypothesis, until it shows.

Every hypothesis is asked for its most telling sign first; what that contradicts is asked no more.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from gateway.commissioning.evidence import Finding, weigh
from gateway.errors import ConnectionLost, DriverError, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.commissioning.knowledge import Hypothesis
    from gateway.driver import Inspects, Link, Plugin
    from gateway.model import Tag, Value

SURE, LIKELY = 0.95, 0.6
UNKNOWN = 7.0
"""Bits for a device that no template is of: there are some hundred more kinds than templates."""
VARIANT = -1.0
"""A variant is what one source says against the others."""
VENDOR, PRODUCT, OTHER = 10.0, 14.0, -8.0
"""Its names begin as the template says, or otherwise."""
_LOST = -4.0
_BEHIND = 8.0
"""Bits behind the best at which what was contradicted once is given up."""
_ATTEMPTS = 2
_SILENCES = 3
"""Questions in a row without an answer, after which it is asked whether it is there at all."""


@dataclass(slots=True)
class Candidate:
    """A hypothesis with what was found for it and against it.

    Attributes:
        bits: for it, less those against it.
        probability: that it is the one, by all that was asked.
        of_template: that it is one of this template, whichever the variant.
    """

    hypothesis: Hypothesis
    bits: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    probability: float = 0.0
    of_template: float = 0.0

    @property
    def confidence(self) -> str:
        """In a word, of the template."""
        if self.of_template >= SURE:
            return _("sure")
        return _("likely") if self.of_template >= LIKELY else _("possible")

    def add(self, finding: Finding) -> None:
        """Take what a sign says."""
        self.bits += finding.bits
        self.findings.append(finding)

    def is_open(self, best: float) -> bool:
        """Whether it is worth another question, where the best has so many bits."""
        is_contradicted = any(one.bits <= _LOST for one in self.findings)
        return self.bits > _LOST and (not is_contradicted or self.bits > best - _BEHIND)

    def why(self) -> list[str]:
        """The findings, the weightiest first."""
        return [one.text for one in sorted(self.findings, key=lambda one: -abs(one.bits))]


class Identifier:
    """Asks devices on one link.

    Args:
        hypotheses: what they may be.
        link: open.
        plugin: of the link's driver.
        clock: both clocks.
        timeout_s: how long an answer may take.
        pause_s: that the link is left alone for after each question.
    """

    def __init__(
        self,
        hypotheses: Sequence[Hypothesis],
        link: Link,
        plugin: Plugin,
        clock: Clock,
        timeout_s: float,
        pause_s: float,
    ) -> None:
        self._hypotheses = hypotheses
        self._link = link
        self._plugin = plugin
        self._clock = clock
        self._timeout_s = timeout_s
        self._pause_s = pause_s

    async def identify(
        self, unit: int, names: Mapping[str, str], is_there: Callable[[], Awaitable[bool]]
    ) -> list[Candidate]:
        """Ask a unit until it is clear what it is, or can't be; likeliest first.

        Args:
            unit: that answers.
            names: what it says of itself.
            is_there: asks it the question that it has answered before: many devices are silent
                to questions for what they have not, and some go.

        Raises:
            ConnectionLost: the link is gone.
        """
        told: dict[Hashable, tuple[Value, bool]] = {}
        silences = 0
        candidates = [self._begin(one, names) for one in self._hypotheses]
        alive = candidates
        for turn in range(max((len(one.signs) for one in self._hypotheses), default=0)):
            for candidate in alive:
                if turn >= len(candidate.hypothesis.signs):
                    continue
                sign, tag = candidate.hypothesis.signs[turn]
                key = (tag.register, tag.kind, tag.order, tag.scale, tag.missing)
                if key not in told:
                    value, is_answered, is_silent = await self._read(candidate, tag, unit)
                    told[key] = value, is_answered
                    silences = silences + 1 if is_silent else 0
                value, is_answered = told[key]
                candidate.add(weigh(sign, tag, value, unit, is_answered=is_answered))
                if silences >= _SILENCES:
                    if not await is_there():
                        return _judged(candidates)
                    silences = 0
            best = max((one.bits for one in alive), default=0.0)
            alive = [one for one in alive if one.is_open(best)]
        return _judged(candidates)

    def _begin(self, hypothesis: Hypothesis, names: Mapping[str, str]) -> Candidate:
        candidate = Candidate(hypothesis, VARIANT if hypothesis.variant else 0.0)
        identity = hypothesis.identity
        for key, wanted, bits in (
            ("vendor", (identity.vendor,) if identity.vendor else (), VENDOR),
            ("product", identity.product, PRODUCT),
        ):
            name = names.get(key, "")
            if not wanted or not name:
                continue
            fits = name.lower().startswith(tuple(start.lower() for start in wanted))
            text = _("it calls its {what} {name}").format(
                what=_("vendor") if key == "vendor" else _("product"), name=name
            )
            candidate.add(Finding(bits if fits else OTHER, text))
        return candidate

    async def _read(self, candidate: Candidate, tag: Tag, unit: int) -> tuple[Value, bool, bool]:
        """A tag's value, whether the device has it, and whether it said nothing at all.

        Silence is asked again: after one, a line asks in another way first whether it may trust
        the device, and that is what may have got no answer.
        """
        device = candidate.hypothesis.device
        options = {**device.options, "unit": unit}
        asked = replace(device, options=options, timeout_s=self._timeout_s)
        driver = self._plugin.driver(self._link, asked, self._clock)
        plan = driver.prepare((tag,))
        for _turn in range(_ATTEMPTS):
            await asyncio.sleep(self._pause_s)
            await self._link.open()
            try:
                batch, readings = await cast("Inspects", driver).inspect(plan)
            except (ConnectionLost, RequestTimeout):
                continue
            except DriverError:
                return None, False, False
            return batch.values[0], bool(readings[0].raw), False
        return None, False, True


def _judged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Give each its probability; those that something speaks for, likeliest first."""
    whole = 2.0**UNKNOWN + sum(2.0**one.bits for one in candidates)
    templates: dict[str, float] = defaultdict(float)
    for one in candidates:
        one.probability = 2.0**one.bits / whole
        templates[one.hypothesis.template] += one.probability
    for one in candidates:
        one.of_template = templates[one.hypothesis.template]
    found = [one for one in candidates if one.bits > 0 and one.findings]
    return sorted(found, key=lambda one: -one.bits)
