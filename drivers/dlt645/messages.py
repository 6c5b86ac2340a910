"""What the driver says to people: who, what was tried, what came back, where set, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Tag

NO_DATA = 0x02
NOT_ALLOWED = 0x04


def error_word(word: int) -> str:
    """The error word of a refusal in plain words (DL/T 645-2007, annexes)."""
    known = (
        _("other error"),
        _("no such data"),
        _("wrong password, or not allowed"),
        _("the speed can't be changed"),
        _("too many time zones of the year"),
        _("too many periods of the day"),
        _("too many tariffs"),
    )
    said = [text for bit, text in enumerate(known) if word >> bit & 1]
    return ", ".join(said) or _("error word {word}").format(word=f"{word:02X}")


def request(dis: Sequence[int]) -> str:
    """Name a request: `02010100`, or the block with what is wanted of it."""
    return ", ".join(f"{di:08X}" for di in dis)


def valueless(tag: Tag) -> str:
    """Say that the meter answered, but with nothing that is a value."""
    return _(
        "{tag}: the meter gave no number; digits above 9 are its mark for what it doesn't measure."
    ).format(tag=f"{tag.device}.{tag.name}")


def misfit(wanted: int, got: int) -> str:
    """Say that an answer is longer or shorter than what its identifier stands for."""
    return _("it answered with {got} bytes, and {wanted} are expected").format(
        got=got, wanted=wanted
    )


def refused(tag: Tag, di: int, peer: str, reason: str, code: int) -> str:
    """Say that a tag can't be read, and what to do.

    Args:
        tag: what can't be read.
        di: what was asked for.
        peer: the meter's address and the endpoint.
        reason: what came back, in plain words.
        code: the error word, 0 where there was none.
    """
    message = _("{tag}: the meter refused {di} ({peer}): {reason}.").format(
        tag=f"{tag.device}.{tag.name}", di=f"{di:08X}", peer=peer, reason=reason
    )
    next_ = ""
    if code & NO_DATA:
        next_ = _("Many meters hold a part of the standard's data; see its manual.")
    elif not code:
        next_ = _("Write the format that its manual states: {di} XXX.X").format(di=f"{di:08X}")
    return " ".join(filter(None, (message, _where(tag.where), next_)))


def failed(device: str, asked: str, peer: str, reason: str, where: str) -> str:
    """Say that a meter didn't answer."""
    message = _("{device}: asked for {request} ({peer}): {reason}.").format(
        device=device, request=asked, peer=peer, reason=reason
    )
    return " ".join(filter(None, (message, _where(where))))


def unfound(device: str, endpoint: str, reason: str, where: str) -> str:
    """Say that no meter told its address."""
    message = _(
        "{device}: asked for the address of the only meter on {endpoint}: {reason}. Where there "
        "are several they answer at once, and none is understood: give each its address:."
    ).format(device=device, endpoint=endpoint, reason=reason)
    return " ".join(filter(None, (message, _where(where))))


def _where(where: str) -> str:
    return _("Set in {where}.").format(where=where) if where else ""
