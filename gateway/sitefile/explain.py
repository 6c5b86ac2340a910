"""Pydantic's complaints in the words of someone who fills in a site file.

`Wrong` is how our own validators refuse a value with a sentence of their own; the rest is a table
from pydantic's error types to sentences. The fix comes from the field itself: its first example is
what the message tells people to write.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from gateway.sitefile import foreign
from gateway.words import _

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from gateway.sitefile.yaml12 import KeyPath

LONGEST = 48
"""Characters of a value that a message repeats."""

EXACT = 1e15
"""Below this a float shows all of a whole number's digits."""

PAIR = 2
"""Entries of a list that stands for a from and a to."""


class Wrong(ValueError):  # noqa: N818 - reads as what it is where it is raised
    """A value that a validator refuses: `what` is wrong and what to do `next`.

    Attributes:
        code: stable, as `Fault.code`.
        at: keys from the value down to the culprit, for validators of whole sections.
        offset: of the culprit in the value, a text; None: all of it.
    """

    def __init__(
        self, code: str, what: str, next_: str, at: KeyPath = (), offset: int | None = None
    ) -> None:
        super().__init__(f"{what}: {next_}")
        self.code = code
        self.what = what
        self.next = next_
        self.at = at
        self.offset = offset


class Explained(NamedTuple):
    """One complaint.

    Attributes:
        loc: keys from the model down to what it is about.
        at_key: the place is the key's, not the value's.
        offset: of the character that it is about, in a text.
    """

    loc: KeyPath
    at_key: bool
    code: str
    what: str
    next: str
    offset: int | None = None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one most probably means, None where none is near."""
    words = list(known)
    folded = {name.lower().replace("-", "_"): name for name in words}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def instead(word: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """What to do about a word that nobody knows.

    Args:
        word: as somebody wrote it.
        known: those that there are; one that is near is most probably meant.
        otherwise: what to do where none is near; None: choose among them.
    """
    words = list(known)
    near = nearest(word, words)
    if near:
        return _("did you mean {near}?").format(near=near)
    if otherwise is not None:
        return otherwise
    return _("there are: {known}").format(known=", ".join(words) or "–")


def spell(path: KeyPath) -> str:
    """Spell a path as people say it: `publish.cluster.urls[1]`.

    Of a key with a colon in it, such as `password:geheim`, only what stands before is repeated.
    """
    parts = [
        f"[{key}]" if isinstance(key, int) else f".{_short(key.partition(':')[0])}" for key in path
    ]
    return "".join(parts).removeprefix(".")


def describe(value: object) -> str:
    """Name a value the way its author sees it, shortened and safe to print."""
    if value is None:
        return _("nothing")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_short(value)}"'
    if isinstance(value, Mapping):
        return _("a mapping (keys with values)")
    if isinstance(value, Sequence):
        return _("a list")
    whole = isinstance(value, float) and value.is_integer() and abs(value) < EXACT
    return f"{value:.0f}" if whole else str(value)


def explain(error: ErrorDetails, model: type[BaseModel]) -> Explained:
    """Put one of pydantic's errors into words.

    Args:
        error: an item of `ValidationError.errors()`.
        model: the model that was validated, for its known keys and examples.
    """
    loc = tuple(error["loc"])
    at_key = loc[-1:] == ("[key]",)
    loc = loc[:-1] if at_key else loc
    if error["type"] == "extra_forbidden":
        owner, _field = _descend(loc[:-1], model)
        next_ = correct(str(loc[-1]), _keys(owner) if owner else [])
        what = _("there is no such key")
        return Explained(loc, at_key=True, code="unknown-key", what=what, next=next_)
    next_ = _write(loc, model)
    if error["type"] == "missing" and isinstance(loc[-1], str):
        if _example(loc, model) is None:
            next_ = _("add it: {key}: and its value").format(key=_short(str(loc[-1])))
        what = _('the key "{key}" is missing').format(key=loc[-1])
        return Explained(loc[:-1], at_key=True, code="missing-key", what=what, next=next_)
    if error["input"] is None:
        what = _("has no value")
        return Explained(loc, at_key=True, code="no-value", what=what, next=next_)
    wrong = error.get("ctx", {}).get("error")
    if isinstance(wrong, Wrong):
        return Explained(
            (*loc, *wrong.at), at_key, wrong.code, wrong.what, wrong.next, wrong.offset
        )
    return _misfit(error, loc, at_key=at_key, next_=next_)


def _misfit(error: ErrorDetails, loc: KeyPath, *, at_key: bool, next_: str) -> Explained:
    """Explain a value that is there and is not what it must be."""
    value, context = error["input"], error.get("ctx", {})
    code, expected = _expected(error["type"], context)
    if code == "wrong-count":
        what = _("must be {expected}").format(expected=expected)
        loc = loc[:-1] if error["type"] == "missing" else loc
        return Explained(loc, at_key, code, what, next_)
    what = _("must be {expected}, not {value}").format(expected=expected, value=describe(value))
    if error["type"] == "bool_type":
        next_ = _("write true or false")
    elif code == "unknown-word" and (near := _near(str(value), _choices(context))):
        next_ = _("did you mean {near}?").format(near=near)
    return Explained(loc, at_key, code, what, next_)


def correct(key: str, known: Sequence[str]) -> str:
    """Say what to do about a key that isn't known: the nearest one, or which there are."""
    head, colon, _value = key.partition(":")
    if colon and head in known:
        return _("put a space after the colon of {key}:").format(key=head)
    if superfluous := foreign.superfluous(key):
        return superfluous
    near = _near(key, known)
    if near:
        return _("did you mean {near}?").format(near=near)
    if not known:
        return _("delete it")
    return _("delete it; the keys here are {known}").format(known=", ".join(known))


def _near(word: str, known: Sequence[str]) -> str | None:
    """Return what a word of someone else's means here, or the nearest known one."""
    meant = foreign.WORDS.get(word.lower())
    return meant if meant in known else nearest(word, known)


def _write(loc: KeyPath, model: type[BaseModel]) -> str:
    """Say what to write, by the example of the field."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    if not loc:
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and isinstance(examples := extra.get("examples"), list):
            return _("write e.g. {example}").format(example=_yaml(examples[0]))
        return _("write its keys below it, indented by two spaces, or within {{}}").format()
    example = _example(loc, model)
    if example is None:
        return _("write a value after the colon, or delete the key")
    key = _short(str(loc[-1]))
    return _("write e.g. {key}: {example}").format(key=key, example=_yaml(example))


def _yaml(value: object) -> str:
    """Spell an example as it would stand in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    # A time of day is text to us, and a number to the YAML of other programs.
    return f'"{value}"' if re.fullmatch(r"\d+:\d+", str(value)) else str(value)


def _expected(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Return the fault's code and what the value must be."""
    if kind in {"too_short", "too_long", "missing"}:
        return "wrong-count", _entries(context.get("min_length"), context.get("max_length"))
    if kind in {"literal_error", "enum"}:
        choices = ", ".join(_choices(context))
        return "unknown-word", _("one of {choices}").format(choices=choices)
    match kind.partition("_")[0]:
        case "int":
            words = _("a whole number")
        case "float":
            words = _("a number")
        case "bool":
            words = _("true or false")
        case "dict" | "mapping" | "model":
            words = _("a mapping (keys with values)")
        case "list" | "tuple" | "frozen":
            words = _("a list")
        case _ if kind == "string_type":
            words = _("text")
        case _:
            return _bound(kind, context)
    return "wrong-type", words


def _entries(least: int | None, most: int | None) -> str:
    """Say how long a list must be; pydantic gives neither bound where a pair lacks its second."""
    if least is not None:
        return _("a list of at least {n}").format(n=least)
    if most is not None and most != PAIR:
        return _("a list of at most {n}").format(n=most)
    return _("a list of two")


def _bound(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    match kind:
        case "finite_number":
            words = _("a finite number")
        case "greater_than_equal":
            words = _("at least {bound}").format(bound=describe(context["ge"]))
        case "greater_than":
            words = _("more than {bound}").format(bound=describe(context["gt"]))
        case "less_than_equal":
            words = _("at most {bound}").format(bound=describe(context["le"]))
        case "less_than":
            words = _("less than {bound}").format(bound=describe(context["lt"]))
        case "string_too_short":
            words = _("longer (at least {n})").format(n=context["min_length"])
        case "string_too_long":
            words = _("shorter (at most {n})").format(n=context["max_length"])
        case _:
            words = _("of another form ({kind})").format(kind=kind)
    return "out-of-range", words


def _choices(context: Mapping[str, Any]) -> list[str]:
    return re.findall("'([^']*)'", str(context["expected"]))


def _short(text: str) -> str:
    """Shorten a text to what a message can hold, with nothing in it that steers a terminal."""
    safe = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return safe if len(safe) <= LONGEST else f"{safe[: LONGEST - 1]}…"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _example(loc: KeyPath, model: type[BaseModel]) -> object:
    """Return the example of a field, or of an entry of the mapping that a field is."""
    _owner, field = _descend(loc, model)
    if field:
        return field.examples[0] if field.examples else None
    _owner, field = _descend(loc[:-1], model)
    entries = field.examples[0] if field and field.examples else None
    if not isinstance(entries, Mapping) or not entries:
        return None
    return entries.get(loc[-1], next(iter(entries.values())))


def _descend(
    loc: KeyPath, model: type[BaseModel]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Follow a path through a model; return the model that it ends at and the last field.

    The field is None where the path ends inside a mapping or a list of plain values.
    """
    inside: object = model
    field: FieldInfo | None = None
    for key in loc:
        if isinstance(inside, type) and issubclass(inside, BaseModel):
            field = next((f for n, f in inside.model_fields.items() if key in (n, f.alias)), None)
            inside = _bare(field.annotation) if field else None
        else:
            arguments = typing.get_args(inside)
            of = -1 if typing.get_origin(inside) is dict else 0
            field, inside = None, _bare(arguments[of]) if arguments else None
    return (inside if isinstance(inside, type) and issubclass(inside, BaseModel) else None), field


def _bare(annotation: object) -> object:
    """Strip `Annotated[…]` and `… | None`."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in {typing.Union, types.UnionType}:
            annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
        else:
            return annotation
