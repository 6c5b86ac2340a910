"""Files laid over one another, read as one; each fault knows the file that is to blame.

There is one way of merging, for a profile over the one that it extends, for an extension over a
profile and for a type over the type that it extends: mappings key by key, and whatever else the
upper one says (a list, too) in place of what the lower one says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.errors import Fault
from gateway.sitefile.document import Document
from gateway.sitefile.yaml12 import KeyPath, Place, Tree


def merge(under: object, over: object) -> object:
    """Lay one value over another; neither is changed."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    merged = dict(under)
    for key, value in over.items():
        merged[key] = merge(under[key], value) if key in under else value
    return merged


@dataclass(frozen=True, slots=True)
class Layered(Document):
    """What several files say together.

    Whatever lies below was sound before the last files were laid over it, so a fault is always
    theirs, and stands where they say most of its path.

    Attributes:
        suspects: the last files, the topmost last.
        lineage: type → the types that it extends, the nearest first. What a type inherits may
            stand under another one's name.
    """

    suspects: tuple[Document, ...] = ()
    lineage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def get(self, path: KeyPath) -> object:
        """Return what stands at a path once everything is merged."""
        return value_at(self.tree.data, path)

    def where(self, path: KeyPath, *, key: bool = False, offset: int | None = None) -> Place:
        """Return the place in the file that is to blame."""
        document, there = self._source(path)
        return document.where(there, key=key, offset=offset)

    def at(self, path: KeyPath) -> str:
        """Spell the place as `file:line`."""
        document, there = self._source(path)
        return document.at(there)

    def fault(
        self,
        path: KeyPath,
        code: str,
        what: str,
        next_: str,
        *,
        key: bool = False,
        offset: int | None = None,
    ) -> Fault:
        """Make a fault in the file that is to blame."""
        document, there = self._source(path)
        return document.fault(there, code, what, next_, key=key, offset=offset)

    def says(self, path: KeyPath) -> bool:
        """Whether one of the last files has all of a path."""
        return any(_known(document, path) == len(path) for document in self.suspects)

    def _source(self, path: KeyPath) -> tuple[Document, KeyPath]:
        """The file that says most of a path, and the path as it has it."""
        known = [
            (_known(document, there), place, -generation, document, there)
            for place, document in enumerate(self.suspects)
            for generation, there in enumerate(self._ways(path))
        ]
        *_rank, document, there = max(known, key=lambda entry: entry[:3])
        return document, there

    def _ways(self, path: KeyPath) -> Iterator[KeyPath]:
        """A path, and where else what it leads to may be said."""
        yield path
        match path:
            case ("types", str(name), *rest):
                for parent in self.lineage.get(name, ()):
                    yield ("types", parent, *rest)


def layered(data: dict[str, object], file: str, *suspects: Document) -> Layered:
    """Read merged data as one document.

    Args:
        data: what the files say together.
        file: of the profile.
        suspects: the last files that were laid over the rest, the topmost last.
    """
    return Layered(file, Tree(data, {}), suspects)


def value_at(data: object, path: KeyPath) -> object:
    """Return what stands at a path of plain data; None where nothing does."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data


def _known(document: Document, path: KeyPath) -> int:
    """How many parts of a path a file has."""
    return next((n for n in range(len(path), 0, -1) if document.get(path[:n]) is not None), 0)
