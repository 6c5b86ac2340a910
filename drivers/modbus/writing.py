"""One write: which function carries it, and what the device then holds.

A register is written with function 6 and several with 16, a coil with 5; `write: single` or
`write: multiple` in a device's template names the only kind that it takes. Some bits of a register
go through function 22, in which the device itself leaves the other bits alone. Reading the
register, changing bits and writing it back was rejected: what the machine's own program changed in
between would be undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from drivers.modbus.codec import bits_decoder, registers_decoder
from drivers.modbus.encode import bit_of, field_of, words_of
from drivers.modbus.queries import write_query
from drivers.modbus.refusals import ILLEGAL_FUNCTION
from drivers.modbus.register import Function, Store, Writing, register_of
from drivers.modbus.writable import MULTIPLE, why_not
from gateway.driver import Unwritable
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from drivers.modbus.config import Settings
    from drivers.modbus.queries import Query
    from gateway.model import Tag, Value

_ALL = 0xFFFF


class Prepared(NamedTuple):
    """A write, ready to be sent.

    Attributes:
        asked: what reading the tag gives once it is carried out.
        request: for people.
    """

    query: Query
    asked: Value
    request: str


def prepare(tag: Tag, value: Value, settings: Settings) -> Prepared:
    """Turn a value into the one request that writes it.

    Raises:
        Unwritable: the tag can't take it.
    """
    writing = _writing(tag, value, settings)
    store, address, words = writing
    count = 1 if store is Store.MASK else len(words)
    table = register_of(tag).function.word
    span = f"{address}" if count == 1 else f"{address}–{address + count - 1}"
    request = f"{table} {span} (FC{store:02d}, unit {settings.unit})"
    return Prepared(write_query(writing, settings.unit), _asked(tag, writing), request)


def refused(tag: Tag, prepared: Prepared, peer: str, reason: str, code: int) -> str:
    """Say that the device would not write, and what may help."""
    message = _("{tag}: device refused to write {request} ({peer}): {reason}.").format(
        tag=f"{tag.device}.{tag.name}", request=prepared.request, peer=peer, reason=reason
    )
    if code == ILLEGAL_FUNCTION and prepared.query.function == Store.MASK:
        hint = _("It can't write single bits of a register: give them coils, or a whole register.")
        return f"{message} {hint}"
    return message


def _writing(tag: Tag, value: Value, settings: Settings) -> Writing:
    reason = why_not(tag, settings)
    if reason:
        raise Unwritable(reason)
    function, address, _bit = register_of(tag)
    if function is Function.COIL:
        store = Store.COILS if settings.write == MULTIPLE else Store.COIL
        return Writing(store, address, (int(bit_of(tag, value)),))
    if tag.kind in {Kind.BIT, Kind.BITFIELD}:
        put, mask = field_of(tag, value)
        return Writing(Store.MASK, address, (_ALL ^ mask, put))
    words = words_of(tag, value)
    single = len(words) == 1 and settings.write != MULTIPLE
    return Writing(Store.REGISTER if single else Store.REGISTERS, address, words)


def _asked(tag: Tag, writing: Writing) -> Value:
    """Read the value back from the very registers that are sent."""
    store, _address, words = writing
    values: list[Value] = []
    if store in {Store.COIL, Store.COILS}:
        bits_decoder([0], 1)(bytes(words), values)
    else:
        sent = words[-1:] if store is Store.MASK else words
        data = b"".join(word.to_bytes(2, "big") for word in sent)
        registers_decoder([tag], [0], len(sent))(data, values)
    return values[0]
