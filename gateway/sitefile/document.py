"""A YAML file as data that remembers where each value stands, and its faults in plain words.

`load` opens a file or says everything that keeps it from being read; `validate` holds a part of it
against a pydantic model and turns each of pydantic's complaints into a `Fault` at its place, with
the nearest known key suggested. Site files, profiles and templates are all read through here.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pydantic

from gateway.errors import ConfigError, Fault
from gateway.sitefile.characters import place_of
from gateway.sitefile.explain import Explained, Wrong, describe, explain, instead, nearest, spell
from gateway.sitefile.yaml12 import Place, Tree, parse
from gateway.words import _

if TYPE_CHECKING:
    from gateway.sitefile.yaml12 import Key, KeyPath

__all__ = [
    "Document",
    "Wrong",
    "examine",
    "instead",
    "load",
    "nearest",
    "salvage",
    "spell",
    "validate",
]

Model = TypeVar("Model", bound=pydantic.BaseModel)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
"""What YAML 1.2.2, 5.1 lets no file hold."""
MAX_BYTES = 4 << 20
"""The largest file that is read; a site of 50 devices needs a tenth of it."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file, read.

    Attributes:
        file: the path as it was given.
        tree: the data and the places of everything in it.
    """

    file: str
    tree: Tree

    @property
    def data(self) -> dict[str, object]:
        """The mapping that the file is."""
        assert isinstance(self.tree.data, dict)  # noqa: S101 - `examine` lets no other pass
        return self.tree.data

    @property
    def folder(self) -> Path:
        """The folder that the file's relative paths start from."""
        return Path(self.file).parent

    def get(self, path: KeyPath) -> object:
        """Return what stands at a path; None where nothing does."""
        value: object = self.tree.data
        for key in path:
            if not self.tree.holds(value, key):
                return None
            value = value[key]  # type: ignore[index]  # only dicts and lists hold keys
        return value

    def where(self, path: KeyPath, *, key: bool = False, offset: int | None = None) -> Place:
        """Return line and column of a value, or of the nearest thing above it that exists.

        A value that begins below its key (a block) is found by its key.

        Args:
            path: keys and indices from the top of the file.
            key: True for the place of the key, whatever its value is.
            offset: of a character of the value, which is text, to be found instead.
        """
        value: object = self.tree.data
        found: tuple[object, Key] | None = None
        for part in path:
            if not self.tree.holds(value, part):
                break
            found = value, part
            value = value[part]  # type: ignore[index]  # as in `get`
        if found is None:
            return 1, 1
        at_key, at_value = self.tree.place(*found)
        if offset is not None and isinstance(value, str):
            return place_of(self.tree.text, *at_value, value, offset)
        return at_key if key or at_key[0] != at_value[0] else at_value

    def at(self, path: KeyPath) -> str:
        """Spell a place as `file:line`, for `Tag.where` and the like."""
        return f"{self.file}:{self.where(path)[0]}"

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
        """Make a fault at a path of this file; `what` is led by the path's own name."""
        line, column = self.where(path, key=key, offset=offset)
        named = _("{path}: {what}").format(path=spell(path), what=what) if path else what
        return Fault(self.file, line, column, code, named, next_)


def load(path: Path | str) -> Document:
    """Read a YAML file whose top is a mapping.

    Raises:
        ConfigError: all that is wrong with the file as such: missing, unreadable, empty, binary,
            not UTF-8, syntax, keys set twice.
    """
    document, faults = examine(path)
    if document is None or faults:
        raise ConfigError(sorted(faults))
    return document


def examine(path: Path | str) -> tuple[Document | None, list[Fault]]:
    """Read a file as far as it can be read.

    Returns:
        The document and what is wrong beside it (keys set twice), so that those faults can be
        told together with the ones that a model finds; no document where nothing can be read.
    """
    file = str(path)
    try:
        text = _text(file)
    except _Unreadable as error:
        return None, [error.fault]
    tree, faults = parse(text, file)
    if tree is None:
        return None, faults
    if not isinstance(tree.data, dict):
        if tree.data is None:
            what = _("the file is empty")
            next_ = _("begin with site:, as docs/site.sample.yaml does, which shows every key")
            return None, [*faults, Fault(file, 0, 0, "empty-file", what, next_)]
        what = _("the file holds {shown}, not keys with values").format(shown=describe(tree.data))
        next_ = _("each line at the top is a key, a colon, a space and what belongs to it")
        return None, [*faults, Fault(file, 1, 1, "not-a-mapping", what, next_)]
    return Document(file, tree), faults


def validate(
    document: Document, path: KeyPath, model: type[Model], without: frozenset[str] = frozenset()
) -> tuple[Model | None, list[Fault]]:
    """Hold a part of a document against a model.

    Args:
        document: the file.
        path: keys and indices from the top down to the part; () for the whole file.
        model: what it must be.
        without: keys of the part to leave out, because they are read on their own.

    Returns:
        The model and no faults, or None and all of them.
    """
    item, complaints = _attempt(document, path, model, without)
    return item, _faults(document, path, complaints)


def salvage(
    document: Document,
    path: KeyPath,
    model: type[Model],
    essential: frozenset[str],
    without: frozenset[str] = frozenset(),
) -> tuple[Model | None, list[Fault], frozenset[str]]:
    """Hold a part against a model, and keep what is right of it.

    Keys that don't hold are left out, so that what refers to the rest can still be checked.

    Args:
        document: the file.
        path: keys and indices from the top down to the part.
        model: what it must be.
        essential: keys without which the rest means something else.
        without: keys of the part to leave out, because they are read on their own.

    Returns:
        The model, None where nothing is to be saved; all faults; the keys left out.
    """
    item, complaints = _attempt(document, path, model, without)
    if item is not None:
        return item, [], frozenset()
    faults = _faults(document, path, complaints)
    bad = frozenset(str(complaint.loc[0]) for complaint in complaints if complaint.loc)
    if not all(complaint.loc for complaint in complaints):
        return None, faults, bad
    item, complaints = _attempt(document, path, model, without | bad)
    # What is wrong between two keys shows only once each by itself is right; what only misses
    # a key just left out is no fault of the file's.
    also = [complaint for complaint in complaints if complaint.code not in _ABSENCE]
    return None if bad & essential else item, faults + _faults(document, path, also), bad


_ABSENCE = {"missing-key", "one-of", "lacks-partner"}


def _attempt(
    document: Document, path: KeyPath, model: type[Model], without: frozenset[str]
) -> tuple[Model | None, list[Explained]]:
    data = document.get(path)
    if without and isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in without}
    try:
        return model.model_validate(data, context={"document": document}), []
    except pydantic.ValidationError as error:
        return None, [explain(detail, model) for detail in error.errors(include_url=False)]


def _faults(document: Document, path: KeyPath, complaints: list[Explained]) -> list[Fault]:
    return [
        document.fault(
            _written(document, (*path, *c.loc)),
            c.code,
            c.what,
            c.next,
            key=c.at_key,
            offset=c.offset,
        )
        for c in complaints
    ]


def _written(document: Document, path: KeyPath) -> KeyPath:
    """A path as the file has it: where one thing stands for a list of one, it has no index."""
    found: KeyPath = ()
    for key in path:
        if key != 0 or not isinstance(document.get(found), dict):
            found = (*found, key)
    return found


class _Unreadable(Exception):  # noqa: N818 - control flow within this file
    """The file can't be turned into text."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


def _text(file: str) -> str:
    """Read a file as UTF-8 text of bounded length."""
    data = _bytes(file)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        what = _("the file is saved as UTF-16")
        raise _Unreadable(Fault(file, 0, 0, "not-utf-8", what, _("save it as UTF-8 in the editor")))
    if b"\0" in data:
        what = _("this is a binary file, not text")
        next_ = _("name the YAML file that describes the site")
        raise _Unreadable(Fault(file, 0, 0, "binary-file", what, next_))
    try:
        return _printable(data.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        what = _("byte {n} of the file (0x{byte:02x}) is not UTF-8").format(
            n=error.start + 1, byte=data[error.start]
        )
        next_ = _("save the file as UTF-8; editors on Chinese Windows may save it as GBK (ANSI)")
        raise _Unreadable(Fault(file, line, column, "not-utf-8", what, next_)) from error


def _printable(text: str, file: str) -> str:
    """Refuse control characters, which no editor shows."""
    if hit := _CONTROL.search(text):
        line = text.count("\n", 0, hit.start()) + 1
        column = hit.start() - text.rfind("\n", 0, hit.start())
        what = _("an invisible control character (U+{code:04X}) stands here").format(
            code=ord(hit[0])
        )
        next_ = _("delete it, or type the word again")
        raise _Unreadable(Fault(file, line, column, "control-character", what, next_))
    return text


def _bytes(file: str) -> bytes:
    """Read at most `MAX_BYTES`; only from a regular file, since a pipe could block for ever."""
    try:
        mode = Path(file).stat().st_mode
        if stat.S_ISDIR(mode):
            what, next_ = _("this is a folder"), _("name the file in it, e.g. site.yaml")
            raise _Unreadable(Fault(file, 0, 0, "is-a-folder", what, next_))
        if not stat.S_ISREG(mode):
            what = _("this is a device, a pipe or a socket")
            next_ = _("name a file on disk")
            raise _Unreadable(Fault(file, 0, 0, "not-a-file", what, next_))
        with Path(file).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        what, next_ = _("there is no such file"), _("check the name and the folder")
        raise _Unreadable(Fault(file, 0, 0, "no-such-file", what, next_)) from error
    except PermissionError as error:
        what = _("the file can't be read by this user")
        next_ = _("change its owner or mode, e.g. chown nxgate, chmod 640")
        raise _Unreadable(Fault(file, 0, 0, "unreadable-file", what, next_)) from error
    except (OSError, ValueError) as error:
        what = _("the file can't be read: {error}").format(error=_reason(error))
        next_ = _("check the name and the disk")
        raise _Unreadable(Fault(file, 0, 0, "unreadable-file", what, next_)) from error
    if len(data) > MAX_BYTES:
        what = _("the file is larger than {n} MiB").format(n=MAX_BYTES >> 20)
        next_ = _("a site file is rarely over 1 MiB; put what machines share into templates")
        raise _Unreadable(Fault(file, 0, 0, "file-too-large", what, next_))
    return data


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
