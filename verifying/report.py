"""What was found, for a terminal and as JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from gateway.words import _
from verifying.rules import rules

if TYPE_CHECKING:
    from verifying.findings import Finding
    from verifying.judge import Judge
    from verifying.lateness import Spread
    from verifying.listener import Listener
    from verifying.rules import Rule


def as_json(judge: Judge, listener: Listener, seconds: float) -> dict[str, object]:
    """Everything, as JSON can hold it."""
    streams, lateness = judge.streams, judge.lateness
    return {
        "contract": judge.contract.version,
        "seconds": seconds,
        "mqtt": listener.version,
        "connection_breaks": listener.breaks,
        "unheard_times": judge.blind,
        "messages": judge.messages,
        "faults": judge.findings.faults,
        "duplicates": streams.duplicates,
        "missing": streams.missing,
        "waited_for": streams.waited_for,
        "declared_lost": streams.declared,
        "late_wills": judge.presence.late_wills,
        "clocks_apart_ms": lateness.clocks_apart_ms,
        "lateness_ms": {
            "live": dataclasses.asdict(lateness.live.spread()),
            "hist": dataclasses.asdict(lateness.history.spread()),
        },
        "classes": {name: dataclasses.asdict(seen) for name, seen in sorted(judge.seen.items())},
        "rules": [_rule_json(rule, judge.findings.of(rule.name)) for rule in rules()],
    }


def lines(judge: Judge, listener: Listener, seconds: float) -> list[str]:
    """The report for a terminal."""
    streams = judge.streams
    made = [
        _("{messages} messages in {seconds:.0f} s over MQTT {version}, contract {contract}").format(
            messages=judge.messages,
            seconds=seconds,
            version=listener.version,
            contract=judge.contract.version,
        ),
        *_heard(listener, judge),
    ]
    made += [
        _(
            "{name}: {messages} messages, {kib:.0f} KiB; of these {kept} kept from before,"
            " {late} history, {cleared} clearing"
        ).format(
            name=name,
            messages=seen.messages,
            late=seen.late,
            cleared=seen.cleared,
            kept=seen.kept,
            kib=seen.bytes / 1024,
        )
        for name, seen in sorted(judge.seen.items())
    ]
    made += _times(judge)
    made.append(
        _(
            "ids: {duplicates} came again with the same body (allowed), {declared} declared as"
            " lost, {waited} waited for, {missing} missing"
        ).format(
            duplicates=streams.duplicates,
            declared=streams.declared,
            waited=streams.waited_for,
            missing=streams.missing,
        )
    )
    made.append("")
    for rule in rules():
        made += _rule_lines(rule, judge.findings.of(rule.name))
    made.append("")
    faults = judge.findings.faults
    made.append(
        _("{faults} faults").format(faults=faults) if faults else _("no fault in what was heard")
    )
    return made


def _heard(listener: Listener, judge: Judge) -> list[str]:
    if not listener.breaks:
        return []
    return [
        _(
            "this listener's connection broke {breaks} times, {blind} times with its session:"
            " what passed then is not judged"
        ).format(breaks=listener.breaks, blind=judge.blind)
    ]


def _times(judge: Judge) -> list[str]:
    lateness = judge.lateness
    made = [
        _late_line(_("live: from its time to here"), lateness.live.spread()),
        _late_line(_("history: from its time to here"), lateness.history.spread()),
    ]
    if lateness.clocks_apart_ms:
        made.append(
            _("the clocks here and there differ by {seconds:.1f} s: lateness is shifted").format(
                seconds=lateness.clocks_apart_ms / 1000
            )
        )
    return [line for line in made if line]


def _late_line(what: str, spread: Spread) -> str:
    if not spread.count:
        return ""
    shown = [_span(ms) for ms in (spread.p50, spread.p99, spread.max)]
    return f"{what}: p50 {shown[0]}, p99 {shown[1]}, max {shown[2]} ({spread.count})"


def _span(ms: float | None) -> str:
    if ms is None:
        return "–"
    return f"{ms:.0f} ms" if abs(ms) < 10_000 else f"{ms / 1000:.1f} s"  # noqa: PLR2004


def _rule_lines(rule: Rule, finding: Finding) -> list[str]:
    mark = "✗" if finding.faults else "✓" if finding.judged else "–"
    count = f"{finding.faults}/{finding.judged}" if finding.faults else f"{finding.judged}"
    made = [f"{mark} {rule.name:<10}{count:>12}  {rule.text}"]
    if finding.faults:
        made.append(f"{'':<26}{_('the rule stands in')} {rule.source}")
        made += [
            f"{'':<26}{' '.join(filter(None, (example.topic, example.id)))}: {example.what}"
            for example in finding.examples
        ]
        more = finding.faults - len(finding.examples)
        if more > 0:
            made.append(f"{'':<26}{_('and {count} more').format(count=more)}")
    made += [
        f"{'':<26}{_('not judged')}: {why} ({times})"
        for why, times in sorted(finding.unjudged.items())
    ]
    return made


def _rule_json(rule: Rule, finding: Finding) -> dict[str, object]:
    return {
        "rule": rule.name,
        "text": rule.text,
        "source": rule.source,
        "judged": finding.judged,
        "faults": finding.faults,
        "examples": [dataclasses.asdict(example) for example in finding.examples],
        "not_judged": dict(finding.unjudged),
    }
