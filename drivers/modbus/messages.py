"""What the driver says to people: who, what was tried, what came back, where set, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus.refusals import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE
from drivers.modbus.register import LAST, Function, register_of, spell_entity
from gateway.words import _

if TYPE_CHECKING:
    from drivers.modbus.plan import Block
    from gateway.model import Tag

_TWINS = {
    Function.COIL: Function.DISCRETE,
    Function.DISCRETE: Function.COIL,
    Function.HOLDING: Function.INPUT,
    Function.INPUT: Function.HOLDING,
}


def request(block: Block) -> str:
    """Name a request as people count: `holding 101–102`, from 0."""
    last = block.start + block.count - 1
    span = f"{block.start}" if block.count == 1 else f"{block.start}–{last}"
    return f"{block.function.word} {span}"


def valueless(tag: Tag) -> str:
    """Say that the device answered, but with nothing that is a value of the tag's kind."""
    return _(
        "{tag}: the registers hold no value of kind {kind}, or the device's mark for none."
    ).format(tag=f"{tag.device}.{tag.name}", kind=tag.kind)


def refused(tag: Tag, block: Block, peer: str, reason: str, code: int) -> str:
    """Say that a tag can't be read, and what the person who set it may have meant.

    Args:
        tag: what can't be read.
        block: the request it was part of.
        peer: unit and endpoint.
        reason: what the device answered, in plain words.
        code: the exception, 0 where there was none.
    """
    message = _("{tag}: device refused {request} ({peer}): {reason}.").format(
        tag=f"{tag.device}.{tag.name}", request=request(block), peer=peer, reason=reason
    )
    return " ".join(filter(None, (message, _where(tag.where), _next(tag, code))))


def failed(device: str, block: Block, peer: str, reason: str, where: str) -> str:
    """Say that a whole device didn't answer, or said no for now."""
    message = _("{device}: asked for {request} ({peer}): {reason}.").format(
        device=device, request=request(block), peer=peer, reason=reason
    )
    return " ".join(filter(None, (message, _where(where))))


def rival(device: str, endpoint: str) -> str:
    """Say that nothing is written because somebody else is master too."""
    text = _(
        "{device}: another master asks on {endpoint}, so nothing is written. A line has one "
        "master: take the other one off (a panel, a second gateway, a tool that was left on)."
    )
    return text.format(device=device, endpoint=endpoint)


def _where(where: str) -> str:
    return _("Set in {where}.").format(where=where) if where else ""


def _next(tag: Tag, code: int) -> str:
    """The likeliest mistake: the wrong table, or off by one."""
    function, address, _bit = register_of(tag)
    if code == ILLEGAL_FUNCTION:
        return _("This device may hold it under `{word}:`.").format(word=_TWINS[function].word)
    if code not in {ILLEGAL_ADDRESS, ILLEGAL_VALUE}:
        return ""
    if ":" in tag.at and address:
        # The number as typed, counted from 1: one register lower than what was refused.
        return _("If the manual counts from 1, write it as `{at}`.").format(
            at=spell_entity(function, address)
        )
    if "x" in tag.at.lower()[:2] and address < LAST:
        return _("If the manual counts from 0, write it as `{at}`.").format(
            at=f"{function.word}:{address + 1}"
        )
    return _("Check the range of this model.")
