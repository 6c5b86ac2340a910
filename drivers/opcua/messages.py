"""What the driver says to people: who, what was tried, what came back, where set, what next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.opcua import status
from drivers.opcua.convert import suggestion, type_name
from drivers.opcua.decode import ARRAY
from drivers.opcua.node import place_of
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Tag


def failed(device: str, endpoint: str, reason: str, where: str) -> str:
    """Say that a whole server didn't answer, or said no for now."""
    text = _("{device}: asked {endpoint}: {reason}.")
    message = text.format(device=device, endpoint=endpoint, reason=reason)
    return _and_where(message, where)


def no_namespace(tag: Tag, uri: str, endpoint: str) -> str:
    """Say that the server has no such namespace today."""
    text = _("{tag}: {endpoint} has no namespace {uri}.")
    message = text.format(tag=_named(tag), endpoint=endpoint, uri=uri)
    return _and_where(message, tag.where)


def bad_status(tag: Tag, code: int, endpoint: str) -> str:
    """Say what the server says of a node."""
    text = _("{tag}: {endpoint} says {status} of {node}.")
    node = place_of(tag).node
    message = text.format(tag=_named(tag), endpoint=endpoint, status=status.name(code), node=node)
    return _and_where(message, tag.where)


def wrong_type(tag: Tag, kind: int) -> str:
    """Say that a value is of a type that the tag's kind can't hold."""
    held = type_name(kind)
    if kind & ARRAY:
        next_ = _("name an element: {at} -> [0]").format(at=tag.at)
    elif wanted := suggestion(kind):
        next_ = _("write kind: {kind}").format(kind=wanted)
    else:
        next_ = _("name a field: {at} -> x").format(at=tag.at)
    text = _("{tag}: the server gives {held}, and the tag is of kind {kind}: {next}.")
    message = text.format(tag=_named(tag), held=held, kind=tag.kind, next=next_)
    return _and_where(message, tag.where)


def no_part(tag: Tag) -> str:
    """Say that a value has no such element or field."""
    text = _("{tag}: the value that the server gives has no such part: {at}.")
    return _and_where(text.format(tag=_named(tag), at=tag.at), tag.where)


def valueless(tag: Tag) -> str:
    """Say that a value came which is none: NaN, the mark for none, or beyond the tag's kind."""
    text = _("{tag}: the value is none of kind {kind}, or the mark for none.")
    return _and_where(text.format(tag=_named(tag), kind=tag.kind), tag.where)


def refused_write(tag: Tag, reason: str, endpoint: str) -> str:
    """Say that the server would not write."""
    text = _("{tag}: {endpoint} refused to write {node}: {reason}.")
    node = place_of(tag).node
    message = text.format(tag=_named(tag), endpoint=endpoint, node=node, reason=reason)
    return _and_where(message, tag.where)


def place(tag: Tag) -> str:
    """Name what is written, for people."""
    return str(place_of(tag).node)


def _named(tag: Tag) -> str:
    return f"{tag.device}.{tag.name}"


def _and_where(message: str, where: str) -> str:
    return f"{message} {_('Set in {where}.').format(where=where)}" if where else message
