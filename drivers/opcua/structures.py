"""Structures: how a server builds them, learnt from it once, and their fields as values.

A structure comes as bytes with the id of its encoding. From there a reference leads to its type,
and the type's definition names its fields (OPC 10000-3, 5.8.3; since version 1.04). What a server
of an older version describes in a dictionary of its own is not read.

Source: OPC 10000-3, 8.48 to 8.53 (definitions); OPC 10000-6, 5.2.6 (structures), 5.2.7 (with
optional fields), 5.2.8 (unions).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.opcua import encode
from drivers.opcua.decode import ARRAY, CODES, STRUCTURE, VARIANT, Body, Reader
from drivers.opcua.exchange import Question
from gateway.errors import DecodeError, RequestRefused
from gateway.words import _

if TYPE_CHECKING:
    from drivers.opcua.exchange import Asks

Id = tuple[int, str, int | str]
"""A NodeId: namespace index of this session, sort, identifier."""
Fields = dict[str, tuple[int, Any]]
"""Name → built-in type (with `ARRAY`), value."""

_BROWSE, _BROWSED = 527, 530
_DEFINITION = 23
"""The attribute DataTypeDefinition (OPC 10000-6, A.1)."""
_HAS_ENCODING, _HAS_SUBTYPE = encode.node_id(0, "i", 38), encode.node_id(0, "i", 45)
_INVERSE = 1
_STRUCTURE_DEFINITION = (0, "i", 122)
_ENUMERATION, _INT32 = 29, 6
_LAST_BUILT_IN = 25
_NUMBER = {26: VARIANT, 27: VARIANT, 28: VARIANT}
"""Number, Integer, UInteger: abstract, so a Variant."""
_DEEPEST = 16
_PLAIN, _OPTIONAL, _UNION = 0, 1, 2


class Field(NamedTuple):
    """One field of a structure.

    Attributes:
        type: a built-in type; `STRUCTURE` with a `shape` where its fields stand in its place.
        is_array: several, with their number before them.
        rank: dimensions of it.
    """

    name: str
    type: int
    shape: Definition | None
    rank: int
    is_optional: bool


@dataclass(slots=True)
class Definition:
    """How a structure is built.

    Attributes:
        kind: all fields, some of them optional, or one of them.
    """

    kind: int
    fields: tuple[Field, ...]

    def read(self, reader: Reader) -> Fields:
        """A structure's fields from its bytes.

        Raises:
            DecodeError: they are not what the definition says.
        """
        found: Fields = {}
        if self.kind == _UNION:
            chosen = reader.uint32()
            if chosen > len(self.fields):
                raise reader.wrong(
                    _("it holds something of the unknown type {kind}").format(kind=chosen)
                )
            if chosen:
                field = self.fields[chosen - 1]
                found[field.name] = _value(field, reader)
            return found
        mask = reader.uint32() if self.kind == _OPTIONAL else 0
        bit = 1
        for field in self.fields:
            if field.is_optional and self.kind == _OPTIONAL:
                is_there, bit = mask & bit, bit << 1
                if not is_there:
                    continue
            found[field.name] = _value(field, reader)
        return found


def _value(field: Field, reader: Reader) -> tuple[int, Any]:
    """One field: its type, and what it holds."""
    if field.rank < 1:
        return field.type, _one(field, reader)
    if field.rank > 1:
        for _dimension in range(reader.count(4)):
            reader.uint32()
    count = reader.count()
    if field.type in CODES:
        block = struct.Struct(f"<{count}{CODES[field.type]}")
        return field.type | ARRAY, list(block.unpack(reader.take(block.size)))
    return field.type | ARRAY, [_one(field, reader) for _index in range(count)]


def _one(field: Field, reader: Reader) -> Any:  # noqa: ANN401 - what the type says
    return field.shape.read(reader) if field.shape is not None else reader.builtin(field.type)


class Types:
    """What is known of a server's structures, in one session.

    Attributes:
        wanted: encodings that came and aren't known.
    """

    def __init__(self) -> None:
        self.wanted: set[Id] = set()
        self._known: dict[Id, Definition | None] = {}
        self._last: dict[Body, Fields | None] = {}

    def fields(self, body: Body) -> Fields | None:
        """A structure's fields; None where its type isn't known, or as yet."""
        if body in self._last:
            return self._last[body]
        if body.encoding not in self._known:
            self.wanted.add(body.encoding)
            return None
        definition = self._known[body.encoding]
        fields: Fields | None = None
        if definition is not None:
            try:
                fields = definition.read(Reader(body.data))
            except DecodeError:
                fields = None
        if len(self._last) >= 64:  # noqa: PLR2004 - tags of one node are read one after the other
            self._last.clear()
        self._last[body] = fields
        return fields

    async def learn(self, session: Asks, timeout_s: float) -> None:
        """Ask for what came and isn't known.

        Raises:
            DriverError: the server did not answer.
        """
        wanted, self.wanted = self.wanted, set()
        asking = _Asking(session, timeout_s)
        for encoding in wanted:
            kind = await asking.target(encoding, _HAS_ENCODING)
            self._known[encoding] = None if kind is None else await asking.definition(kind, 0)


class _Asking:
    """Asks a server for definitions of types; each once."""

    def __init__(self, session: Asks, timeout_s: float) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._known: dict[Id, Definition | None] = {}

    async def definition(self, kind: Id, depth: int) -> Definition | None:
        """How a type is built; None where the server doesn't say."""
        if kind not in self._known and depth < _DEEPEST:
            self._known[kind] = None
            held = await self._read(kind)
            if held is not None and held.encoding == _STRUCTURE_DEFINITION:
                self._known[kind] = await self._built(held, depth)
        return self._known.get(kind)

    async def _built(self, held: Body, depth: int) -> Definition | None:
        """Read a StructureDefinition."""
        reader = Reader(held.data)
        reader.node_id()
        reader.node_id()
        kind = reader.int32()
        fields = []
        for _index in range(reader.count(18)):
            name = reader.string() or ""
            reader.localized()
            type_ = reader.node_id()
            rank = reader.int32()
            for _dimension in range(reader.count(4)):
                reader.uint32()
            reader.uint32()
            fields.append((name, type_, rank, bool(reader.byte())))
        made = []
        for name, type_, rank, is_optional in fields:
            built_in, shape = await self._type(type_, depth)
            if built_in == STRUCTURE and shape is None and type_ != (0, "i", STRUCTURE):
                return None
            made.append(Field(name, built_in, shape, rank, is_optional))
        return Definition(kind if kind in {_PLAIN, _OPTIONAL, _UNION} else _PLAIN, tuple(made))

    async def _type(self, kind: Id, depth: int) -> tuple[int, Definition | None]:
        """The built-in type that a field's type comes down to, and how it is built."""
        start = kind
        for _step in range(_DEEPEST):
            space, sort, name = kind
            if not space and sort == "i" and isinstance(name, int):
                if name == _ENUMERATION:
                    return _INT32, None
                if name in _NUMBER or name == VARIANT:
                    return VARIANT, None
                if name <= _LAST_BUILT_IN:
                    shape = None
                    if name == STRUCTURE and start != kind:
                        shape = await self.definition(start, depth + 1)
                    return name, shape
            above = await self.target(kind, _HAS_SUBTYPE)
            if above is None:
                return STRUCTURE, None
            kind = above
        return STRUCTURE, None

    async def target(self, node: Id, reference: bytes) -> Id | None:
        """Where a reference of a node comes from; None where the server shows none."""
        what = encode.node_id(*node) + struct.pack("<i", _INVERSE) + reference
        what += struct.pack("<?II", False, 0, 0)  # noqa: FBT003
        body = bytes((0, 0)) + bytes(12) + struct.pack("<I", 1) + encode.array([what])
        try:
            answer = await self._session.ask(Question(_BROWSE, _BROWSED, body), self._timeout_s)
        except RequestRefused:
            return None
        reader = Reader(answer.data, answer.pos)
        reader.expect(1)
        reader.uint32()
        reader.bytestring()
        for _reference in range(reader.count(7)):
            reader.node_id()
            reader.byte()
            return reader.node_id()
        return None

    async def _read(self, kind: Id) -> Body | None:
        """A type's definition as it comes."""
        body = encode.read([encode.node_id(*kind)], _DEFINITION)
        try:
            answer = await self._session.ask(
                Question(encode.READ, encode.READ_ANSWER, body), self._timeout_s
            )
        except RequestRefused:
            return None
        reader = Reader(answer.data, answer.pos)
        reader.expect(1)
        value = reader.data_value().value
        return value if isinstance(value, Body) else None
