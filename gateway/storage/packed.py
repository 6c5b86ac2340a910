"""Statements that stand for months, kept in memory at a tenth of their size.

The newest meta of an asset with 200 tags is 17 kB of JSON that is wanted when a broker is met
again, and not before. Unpacking takes 50 µs.
"""

from __future__ import annotations

from zlib import compress, decompress

from gateway.model import Record

LEAST_BYTES = 1024
_LEVEL = 1
_SET = object.__setattr__


class Packed(Record):
    """A record whose body is unpacked each time it is asked for."""

    __slots__ = ("_packed",)
    _packed: bytes

    def __init__(self, record: Record) -> None:
        for name in ("key", "cls", "line", "asset", "ts_ms", "subject"):
            _SET(self, name, getattr(record, name))
        _SET(self, "_packed", compress(record.body, _LEVEL))

    @property
    def body(self) -> bytes:
        """JSON object of everything but the envelope."""
        return decompress(self._packed)


def pack(record: Record) -> Record:
    """Return the record in as little memory as is worth the while."""
    return record if len(record.body) < LEAST_BYTES else Packed(record)
