"""From tag to tag: read, ask what is shown, read again, compare, write it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.proving.asking import Step, spoken
from gateway.proving.comparing import NotShown, Result, Verdict, compare
from gateway.proving.proof import now
from gateway.words import _

if TYPE_CHECKING:
    from asyncio import Runner
    from collections.abc import Callable, Sequence

    from gateway.model import Tag
    from gateway.proving.asking import Asker
    from gateway.proving.proof import Entry, Proof, Reading
    from gateway.proving.selection import Asked
    from gateway.proving.sources import Source


def walk(
    proof: Proof,
    asked: Sequence[Asked],
    source: Source,
    asker: Asker,
    runner: Runner,
    save: Callable[[], None],
) -> bool:
    """Prove the tags that are open; False where somebody wants to go on later.

    Args:
        proof: whose tags are those of `asked`, in the same order.
        asked: the tags.
        source: reads them.
        asker: says what is shown.
        runner: of the loop that the source's links live in; while somebody types, it stands still.
        save: called after each tag.
    """
    place = 0
    while place < len(asked):
        entry = proof.tags[place]
        if entry.result is not None:
            place += 1
            continue
        turn = f"{place + 1}/{len(asked)}"
        step = _prove(proof, entry, asked[place].tag, source, asker, runner, turn)
        save()
        if step is Step.QUIT:
            return False
        if step is Step.BACK:
            place = max(0, place - 1)
            proof.tags[place].result = None
        elif entry.result is not None:
            place += 1
    return True


def _prove(
    proof: Proof,
    entry: Entry,
    tag: Tag,
    source: Source,
    asker: Asker,
    runner: Runner,
    turn: str,
) -> Step | None:
    """Prove one tag; the entry stays open where it is to be asked again."""
    entry.before = runner.run(source.read(tag))
    if entry.before.value is None and asker.patient:
        asker.tell(_error(entry, entry.before))
    answer = asker.ask(entry, turn)
    entry.note = answer.note or entry.note
    if answer.step is Step.SKIP:
        entry.result = Result.SKIPPED
    if answer.step is not None:
        return answer.step
    entry.after = runner.run(source.read(tag))
    entry.shown, entry.time, entry.by = answer.shown, now(), proof.by
    try:
        verdict = compare(tag, answer.shown, entry.before.value, entry.after.value)
    except NotShown as error:
        asker.tell(str(error))
        if asker.patient:
            return None
        verdict = Verdict(Result.DIFFERS)
    entry.difference, entry.tolerance = verdict.difference, verdict.tolerance
    asker.tell(_told(entry, verdict))
    if verdict.result is Result.OK or asker.keeps(entry):
        entry.result = verdict.result
    return None


def _told(entry: Entry, verdict: Verdict) -> str:
    """What came of a tag, in a line."""
    name, result = f"{entry.device}.{entry.tag}", spoken(verdict.result)
    if entry.after is None or entry.after.value is None:
        return _error(entry, entry.after or entry.before)
    text = _("{name}: {result}: shown {shown}, read {before} and {after} (raw {raw})").format(
        name=name,
        result=result,
        shown=entry.shown,
        before=spell(entry.before.value if entry.before else None),
        after=spell(entry.after.value),
        raw=entry.after.raw_hex,
    )
    if verdict.difference is None or verdict.tolerance is None:
        return text
    more = _("{text}, difference {difference:.6g}, at most {tolerance:.6g}")
    return more.format(text=text, difference=verdict.difference, tolerance=verdict.tolerance)


def _error(entry: Entry, reading: Reading | None) -> str:
    error = reading.error if reading and reading.error else spoken(Result.UNREADABLE)
    name = f"{entry.device}.{entry.tag}"
    return error if error.startswith(entry.device) else f"{name}: {error}"


def spell(value: object) -> str:
    """A value without the digits that only its arithmetic made."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
