"""What `nxgate learn` prints: the piece of a site file, and above it, as comments, its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.derivation import Levels
    from gateway.learning.proposal import Proposal
    from gateway.learning.recording import Recording

LEAST_TOLD = 0.0005
"""Share of the time from which on an error is told."""


def report(asset: str, recording: Recording, found: Proposal) -> list[str]:
    """Lines of YAML, ready to be pasted into a site file.

    Args:
        asset: whose levels they are.
        recording: from which they were learnt.
        found: the proposal.
    """
    comments = [*_source(asset, recording, found), *_bands(found), *_errors(found)]
    lines = [f"# {comment}" for comment in comments]
    return [*lines, "assets:", f"  {asset}:", f"    levels: {_spelled(found.levels)}"]


def _source(asset: str, recording: Recording, found: Proposal) -> Iterator[str]:
    hours = sum(recording.weights()) / 3_600_000
    text = _("{asset}: {count} samples over {hours} h, levels as they were noted")
    if not found.by_labels:
        text = _("{asset}: {count} samples over {hours} h, levels by the power alone")
    yield text.format(asset=asset, count=len(recording.times), hours=f"{hours:.1f}")
    if recording.bad:
        yield _("{count} samples could not be read").format(count=recording.bad)
    if not found.by_labels:
        yield _("nobody noted what the machine did: compare each level with what it is on the spot")
    if found.strokes:
        yield _("power rises and falls within seconds: its strokes can be counted (count_from)")


def _bands(found: Proposal) -> Iterator[str]:
    for band in found.bands:
        text = _("{name}: {low} to {high} kW, {share} of the time")
        yield text.format(
            name=band.name,
            low=f"{band.low:.3g}",
            high=f"{band.high:.3g}",
            share=f"{band.share:.1%}",
        )
    lowest = found.bands[0]
    if lowest.name != "off":
        yield _("off was not recorded: it begins at half of the least power seen")


def _errors(found: Proposal) -> Iterator[str]:
    """How far levels overlap, and what the settings tell wrong."""
    for lower, edge in zip(found.bands, found.edges, strict=False):
        text = _("overlap at {name}: {over} of {below} lies above, {under} of {name} below")
        yield text.format(
            name=edge.name,
            below=lower.name,
            over=f"{edge.low_over:.1%}",
            under=f"{edge.high_under:.1%}",
        )
    for low, high, overlap in found.joined:
        text = _("{low} and {high} are one level: {share} would lie on the wrong side")
        yield text.format(low=low, high=high, share=f"{overlap:.0%}")
    yield _("told right with these settings: {share} of the time").format(
        share=f"{found.right:.2%}"
    )
    total = sum(found.confusion.values())
    for (was, told), ms in sorted(found.confusion.items(), key=lambda item: -item[1]):
        if was != told and ms / total >= LEAST_TOLD:
            text = _("{was}, told as {told}: {share} of the time")
            yield text.format(was=was, told=told, share=f"{ms / total:.2%}")


def _spelled(levels: Levels) -> str:
    edges = ", ".join(f"{name}: {edge:g}" for name, edge in levels.edges)
    dwell = f"{levels.dwell_ms / 1000:g}s"
    return f"{{{edges}, hysteresis: {levels.hysteresis:g}, dwell: {dwell}}}"
