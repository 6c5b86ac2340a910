"""A server's tree as people see it: names, types, values, units, descriptions.

What stands under a variable only to describe it (its unit, its range, the words of its numbers) is
told with the variable and is no branch of its own. What the standard puts beside every server's own
objects is left out unless somebody begins there: it is the same everywhere, and large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from drivers.opcua.address import parse
from drivers.opcua.convert import TYPE_NAMES, suggestion
from drivers.opcua.decode import ARRAY, STRUCTURE, Body, Reader
from drivers.opcua.node import Node
from drivers.opcua.resolve import resolve
from drivers.opcua.status import BAD, name
from drivers.opcua.views import (
    PROPERTIES,
    SUBTYPES,
    Id,
    Reference,
    attributes,
    good,
    references,
)
from gateway.driver import AddressError
from gateway.errors import GatewayError
from gateway.tree import Branch, Detail
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivers.opcua.link import UaLink
    from drivers.opcua.node import Name, Space

OBJECTS: Id = (0, "i", 85)
_EVERYWHERE: tuple[Id, ...] = ((0, "i", 2253), (0, "i", 23470), (0, "i", 31915))
"""Server, Aliases, Locations (OPC 10000-5, 8.3)."""
_NOTHING: Id = (0, "i", 0)
_OBJECT, _VARIABLE, _METHOD = 1, 2, 4
_SORTS = {_OBJECT: "object", _VARIABLE: "variable", _METHOD: "method"}
_NODE_CLASS, _BROWSE_NAME, _TITLE, _DESCRIPTION, _TYPE, _ACCESS = 2, 3, 4, 5, 14, 18
_VALUE = 13
_WRITABLE = 2
"""CurrentWrite of UserAccessLevel (OPC 10000-3, 8.57)."""
_DESCRIBES = frozenset(
    {
        *("EngineeringUnits", "EURange", "InstrumentRange", "Definition", "ValuePrecision"),
        *("EnumStrings", "EnumValues", "TrueState", "FalseState", "Title", "ValueAsText"),
    }
)
"""Properties of the standard's variable types (OPC 10000-8, 5.3): part of their variable."""
_UNIT = "EngineeringUnits"
_WORDS = frozenset({"EnumStrings", "EnumValues"})
_LONGEST = 60
_MOST_SHOWN = 4


class UaBrowser:
    """Looks at a server over a link that is open; every answer holds for its session only.

    Args:
        link: the server's.
        timeout_s: of each request.
    """

    def __init__(self, link: UaLink, timeout_s: float) -> None:
        self._link = link
        self._timeout_s = timeout_s
        self._ids: dict[str, Id] = {}
        self._about: dict[str, dict[str, Id]] = {}
        self._types: dict[Id, tuple[str, ...]] = {_NOTHING: ()}
        self._data_types: dict[Id, str] = {}
        self._words: dict[Id, dict[int, str]] = {}

    async def begin(self, path: str) -> Branch:
        """As `Browser.begin`."""
        if not path:
            return await self._branch(OBJECTS, "/Objects")
        at = path.strip()
        if "=" not in at:
            return await self._by_names(at)
        try:
            register = cast("tuple[Space, str, Name, object]", parse(at).register)
        except AddressError as error:
            raise GatewayError(str(error)) from error
        node = Node(*register[:3])
        found = (await resolve(self._link.server, [node], self._timeout_s))[node]
        if isinstance(found, int):
            why = _("no such namespace") if found < 0 else name(found)
            raise GatewayError(_("{path}: not found ({reason})").format(path=at, reason=why))
        return await self._branch(Reader(found).node_id(), at if at.startswith("/") else "")

    async def children(self, of: Sequence[Branch]) -> list[list[Branch]]:
        """As `Browser.children`."""
        asked = [one for one in of if one.sort != _SORTS[_METHOD]]
        nodes = [self._ids[one.at] for one in asked]
        told = await references(self._link.server, nodes, self._timeout_s)
        found: dict[str, list[Reference]] = {}
        for branch, some in zip(asked, told, strict=True):
            is_value = branch.sort == _SORTS[_VARIABLE]
            about = {
                one.name: one.node
                for one in some
                if is_value and not one.space and one.name in _DESCRIBES
            }
            self._about[branch.at] = about
            found[branch.at] = [
                one
                for one in some
                if one.node not in about.values()
                and one.node not in _EVERYWHERE
                and one.sort in _SORTS
            ]
        await self._learn_types([one.type for some in found.values() for one in some])
        return [
            [self._known(one, branch.path) for one in found.get(branch.at, ())] for branch in of
        ]

    async def details(self, of: Sequence[Branch]) -> list[Detail]:
        """As `Browser.details`."""
        wanted: list[tuple[Id, int]] = []
        for one in of:
            node = self._ids[one.at]
            wanted += [(node, number) for number in (_DESCRIPTION, _TYPE, _ACCESS, _VALUE)]
            wanted.append((self._about.get(one.at, {}).get(_UNIT, node), _VALUE))
        held = await attributes(self._link.server, wanted, self._timeout_s)
        types = [good(one) for one in held[1::5]]
        await self._learn_data_types([node for node in map(_id, types) if node is not None])
        found = []
        for place, branch in enumerate(of):
            text, type_, access, value, unit = held[5 * place : 5 * place + 5]
            has_unit = _UNIT in self._about.get(branch.at, {})
            number = value.type & ~ARRAY
            data_type = _id(good(type_))
            words = self._words.get(data_type, {}) if data_type else {}
            kind = suggestion(value.type) if number != STRUCTURE else ""
            found.append(
                Detail(
                    type=self._type_name(data_type, value.type),
                    kind=kind if not value.type & ARRAY else "",
                    element=suggestion(number) if value.type & ARRAY else "",
                    count=len(value.value) if isinstance(value.value, list) else 0,
                    value=_shown(value.value, words, value.status),
                    raw=value.value if isinstance(value.value, str | int | float) else None,
                    unit=_unit(unit.value) if has_unit else "",
                    words=words,
                    description=_description(branch, good(text)),
                    is_writable=bool(_number(good(access)) & _WRITABLE),
                    is_good=not value.status & BAD,
                )
            )
        return found

    async def _by_names(self, path: str) -> Branch:
        """Follow names as people see them; each is looked for among what the one before has."""
        here = await self._branch(OBJECTS, "/Objects")
        names = [part for part in path.strip("/").split("/") if part]
        for part in names[1:] if names[:1] == ["Objects"] else names:
            (below,) = await self.children([here])
            bare = part.rpartition(":")[2]
            fitting = [one for one in below if bare in {one.name, one.title}]
            if not fitting:
                known = ", ".join(one.name for one in below[:20])
                text = _("{path}: {here} has no {part}; there are: {known}")
                raise GatewayError(
                    text.format(path=path, here=here.name, part=part, known=known or "-")
                )
            here = fitting[0]
        return here

    async def _branch(self, node: Id, path: str) -> Branch:
        """A node that nothing led to."""
        asked = [(node, number) for number in (_NODE_CLASS, _BROWSE_NAME, _TITLE)]
        held = await attributes(self._link.server, asked, self._timeout_s)
        sort, name_, title = (good(one) for one in held)
        if sort is None:
            text = _("{path}: not found ({reason})")
            raise GatewayError(text.format(path=path or node, reason=name(held[0].status)))
        spelled = str(name_ or "")
        index, _colon, bare = spelled.partition(":")
        space = int(index) if _colon and index.isdigit() else 0
        bare = bare if space else spelled
        types = await references(self._link.server, [node], self._timeout_s, kind=40)
        type_ = types[0][0].node if types[0] else _NOTHING
        await self._learn_types([type_])
        step = Reference(node, space, bare, str(title or bare), _number(sort), type_)
        branch = self._known(step, "")
        return Branch(branch.at, path, bare, step.title, branch.sort, branch.made_of)

    def _known(self, step: Reference, above: str) -> Branch:
        at = self._spelled(step.node)
        self._ids[at] = step.node
        name_ = step.name.replace("&", "&&").replace("/", "&/")
        space = self._uri(step.space)
        path = f"{above}/nsu={space};{name_}" if step.space else f"{above}/0:{name_}"
        made_of = self._types.get(step.type, ())
        return Branch(
            at, path if above else "", step.name, step.title, _SORTS.get(step.sort, ""), made_of
        )

    def _spelled(self, node: Id) -> str:
        """A node's address, which outlasts the session."""
        space, sort, name_ = node
        return f"nsu={self._uri(space)};{sort}={name_}" if space else f"{sort}={name_}"

    def _uri(self, space: int) -> str:
        spaces = self._link.server.namespaces
        return spaces[space] if space < len(spaces) else str(space)

    async def _learn_types(self, types: Sequence[Id]) -> None:
        """Names of types, each with those that it is a kind of, as far as the standard's own."""
        chains: dict[Id, list[str]] = {}
        ends = {one: one for one in types if one not in self._types and one[0]}
        self._types |= {one: () for one in types if not one[0]}
        names: dict[Id, str] = {}
        while ends:
            there = list(set(ends.values()))
            asked = [(one, _BROWSE_NAME) for one in there]
            held = await attributes(self._link.server, asked, self._timeout_s)
            names |= {
                node: self._qualified(str(good(one) or ""))
                for node, one in zip(there, held, strict=True)
            }
            above = await references(
                self._link.server, there, self._timeout_s, kind=SUBTYPES, backward=True
            )
            up = {node: some[0].node for node, some in zip(there, above, strict=True) if some}
            for begun, end in ends.items():
                chains.setdefault(begun, []).append(names[end])
            ends = {
                begun: up[end]
                for begun, end in ends.items()
                if end in up and up[end][0] and len(chains[begun]) < 20  # noqa: PLR2004 - loops end
            }
        self._types |= {one: tuple(chain) for one, chain in chains.items()}

    def _qualified(self, spelled: str) -> str:
        """A qualified name with its namespace's URI: `urn:maker;CellType`."""
        index, colon, bare = spelled.partition(":")
        if not colon or not index.isdigit():
            return spelled
        return f"{self._uri(int(index))};{bare}"

    async def _learn_data_types(self, types: Sequence[Id]) -> None:
        """Names of types that aren't built in, and the words of those that are enumerations."""
        fresh = [one for one in dict.fromkeys(types) if one not in self._data_types]
        fresh = [one for one in fresh if one[0] or _number(one[2]) >= len(TYPE_NAMES)]
        if not fresh:
            return
        server, timeout_s = self._link.server, self._timeout_s
        names = await attributes(server, [(one, _BROWSE_NAME) for one in fresh], timeout_s)
        for node, held in zip(fresh, names, strict=True):
            self._data_types[node] = str(good(held) or "").rpartition(":")[2]
        below = await references(server, fresh, timeout_s, kind=PROPERTIES)
        worded = [
            (node, one.node)
            for node, some in zip(fresh, below, strict=True)
            for one in some
            if one.name in _WORDS
        ]
        lists = await attributes(server, [(one, _VALUE) for _node, one in worded], timeout_s)
        for (node, _one), told in zip(worded, lists, strict=True):
            self._words[node] = _words(told.value)

    def _type_name(self, data_type: Id | None, kind: int) -> str:
        """`Double`, `UInt16[]`, or the name that a server's own type has."""
        suffix = "[]" if kind & ARRAY else ""
        if data_type in self._data_types:
            return self._data_types[data_type] + suffix
        number = kind & ~ARRAY
        if not number and data_type and not data_type[0]:
            number = _number(data_type[2])
        return (TYPE_NAMES[number] if number < len(TYPE_NAMES) else str(number)) + suffix


def _description(branch: Branch, text: object) -> str:
    """What is said of a node beyond its name, which some servers say twice."""
    said = str(text or "")
    return "" if said in {branch.name, branch.title} else said


def _id(value: object) -> Id | None:
    """A NodeId as `Reader` shows it, `ns=3;i=3001`, in its parts."""
    if not isinstance(value, str):
        return None
    space, _semicolon, rest = value.rpartition(";") if value.startswith("ns=") else ("", "", value)
    sort, _equals, spelled = rest.partition("=")
    return int(space[3:] or 0) if space else 0, sort, int(spelled) if sort == "i" else spelled


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _unit(value: object) -> str:
    """The display name of an EUInformation (OPC 10000-8, 5.6.4.3)."""
    if not isinstance(value, Body):
        return ""
    reader = Reader(value.data)
    reader.string()
    reader.int32()
    return (reader.localized() or "").strip()


def _words(value: object) -> dict[int, str]:
    """The words of an enumeration: EnumStrings counts from 0, EnumValues says its numbers."""
    if not isinstance(value, list):
        return {}
    found = {}
    for place, one in enumerate(value):
        if isinstance(one, Body):
            reader = Reader(one.data)
            number = int.from_bytes(reader.take(8), "little", signed=True)
            found[number] = reader.localized() or ""
        elif isinstance(one, str):
            found[place] = one
    return found


def _shown(value: object, words: Mapping[int, str], status: int) -> str:
    """A value for people, on one line."""
    if status & BAD:
        return name(status)
    match value:
        case None:
            return ""
        case Body():
            return _("a structure of {size} bytes").format(size=len(value.data))
        case list():
            inside = ", ".join(_shown(one, words, 0) for one in value[:_MOST_SHOWN])
            return f"[{inside}, …]" if len(value) > _MOST_SHOWN else f"[{inside}]"
        case int() if value in words and not isinstance(value, bool):
            return f"{value} ({words[value]})"
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
