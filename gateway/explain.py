"""Pydantic's complaints in the words of someone who fills in a site file.

`Wrong` is how our own validators refuse a value with a sentence of their own; the rest is a table
from pydantic's error types to sentences. The fix comes from the field itself: its first example is
what the message tells people to write.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from gateway.words import _

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from gateway.yaml12 import KeyPath

SYNONYMS = {
    "address": "at",
    "register": "at",
    "type": "kind",
    "datatype": "kind",
    "data_type": "kind",
    "byte_order": "order",
    "word_order": "order",
    "slave": "unit",
    "slave_id": "unit",
    "unit_id": "unit",
    "station": "unit",
    "host": "link",
    "ip": "link",
    "url": "link",
    "interval": "poll",
    "period": "poll",
    "scan_rate": "poll",
    "broker": "url",
    "server": "url",
    "user": "username",
    "client": "client_id",
    "tz": "timezone",
    "max_size": "size",
    "signals": "bind",
    "cycle_time": "ideal_cycle",
    "cycle": "ideal_cycle",
}
"""What other gateways call it, where the spelling alone would not lead there."""


class Wrong(ValueError):  # noqa: N818 - reads as what it is where it is raised
    """A value that a validator refuses: `what` is wrong and what to do `next`.

    Attributes:
        code: stable, as `Fault.code`.
        at: keys from the value down to the culprit, for validators of whole sections.
    """

    def __init__(self, code: str, what: str, next_: str, at: KeyPath = ()) -> None:
        super().__init__(f"{what}: {next_}")
        self.code = code
        self.what = what
        self.next = next_
        self.at = at


class Explained(NamedTuple):
    """One complaint: where (below the model's own place), at the key or the value, and why."""

    loc: KeyPath
    at_key: bool
    code: str
    what: str
    next: str


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one most probably means, None where none is near."""
    words = list(known)
    folded = {name.lower().replace("-", "_"): name for name in words}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def spell(path: KeyPath) -> str:
    """Spell a path as people say it: `publish.cluster.urls[1]`."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in path]
    return "".join(parts).removeprefix(".")


def describe(value: object) -> str:
    """Name a value the way its author sees it, shortened."""
    if value is None:
        return _("nothing")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}…"'  # noqa: PLR2004
    if isinstance(value, Mapping):
        return _("a mapping (keys with values)")
    if isinstance(value, Sequence):
        return _("a list")
    return str(value)


def explain(error: ErrorDetails, model: type[BaseModel]) -> Explained:
    """Put one of pydantic's errors into words.

    Args:
        error: an item of `ValidationError.errors()`.
        model: the model that was validated, for its known keys and examples.
    """
    loc = tuple(error["loc"])
    at_key = loc[-1:] == ("[key]",)
    loc = loc[:-1] if at_key else loc
    context = error.get("ctx", {})
    wrong = context.get("error")
    if isinstance(wrong, Wrong):
        return Explained((*loc, *wrong.at), at_key, wrong.code, wrong.what, wrong.next)
    if error["type"] == "extra_forbidden":
        return _unknown_key(loc, model)
    example = _example(loc, model)
    if error["type"] == "missing":
        what = _('the key "{key}" is missing').format(key=loc[-1])
        return Explained(loc, True, "missing-key", what, _write(loc, example))
    value = error["input"]
    if value is None:
        return Explained(loc, True, "no-value", _("has no value"), _write(loc, example))
    expected, code = _expected(error["type"], context)
    what = _("must be {expected}, not {value}").format(expected=expected, value=describe(value))
    return Explained(loc, at_key, code, what, _write(loc, example))


def _unknown_key(loc: KeyPath, model: type[BaseModel]) -> Explained:
    key = str(loc[-1])
    owner, _field = _descend(loc[:-1], model)
    known = _keys(owner) if owner else []
    what = _("there is no such key")
    head, colon, tail = key.partition(":")
    if colon and head in known:
        next_ = _("put a space after the colon: {key}: {value}").format(key=head, value=tail)
        return Explained(loc, True, "unknown-key", what, next_)
    meant = SYNONYMS.get(key.lower())
    near = nearest(key, known) or (meant if meant in known else None)
    listed = ", ".join(known)
    if near:
        next_ = _("did you mean {near}? The keys here are {known}").format(near=near, known=listed)
    else:
        next_ = _("delete it, or use one of {known}").format(known=listed)
    return Explained(loc, True, "unknown-key", what, next_)


def _write(loc: KeyPath, example: object) -> str:
    key = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if example is None:
        return _("write its value after the colon, or delete the key")
    return _("write e.g. {key}: {example}").format(key=key, example=_yaml(example))


def _yaml(value: object) -> str:
    """Spell an example as it would stand in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return str(value)


def _expected(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:  # noqa: PLR0911
    """Return what a value must be, and the fault's code."""
    match kind:
        case "int_type" | "int_parsing" | "int_from_float":
            return _("a whole number"), "wrong-type"
        case "float_type" | "float_parsing":
            return _("a number"), "wrong-type"
        case "finite_number":
            return _("a finite number"), "out-of-range"
        case "bool_type" | "bool_parsing":
            return _("true or false"), "wrong-type"
        case "string_type":
            return _("text"), "wrong-type"
        case "dict_type" | "mapping_type" | "model_type" | "model_attributes_type":
            return _("a mapping (keys with values)"), "wrong-type"
        case "list_type" | "tuple_type":
            return _("a list"), "wrong-type"
        case "literal_error" | "enum":
            choices = str(context["expected"]).replace("'", "").replace(" or ", ", ")
            return _("one of {choices}").format(choices=choices), "unknown-word"
        case "greater_than_equal":
            return _("at least {bound}").format(bound=context["ge"]), "out-of-range"
        case "less_than_equal":
            return _("at most {bound}").format(bound=context["le"]), "out-of-range"
        case "greater_than":
            return _("more than {bound}").format(bound=context["gt"]), "out-of-range"
        case "less_than":
            return _("less than {bound}").format(bound=context["lt"]), "out-of-range"
        case "string_too_short" | "too_short":
            return _("longer (at least {n})").format(n=context["min_length"]), "out-of-range"
        case "string_too_long" | "too_long":
            return _("shorter (at most {n})").format(n=context["max_length"]), "out-of-range"
        case _:
            return kind.replace("_", " "), "wrong-value"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _example(loc: KeyPath, model: type[BaseModel]) -> object:
    _owner, field = _descend(loc, model)
    return field.examples[0] if field and field.examples else None


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
            field = None
            inside = (
                _bare(arguments[-1 if typing.get_origin(inside) is dict else 0])
                if arguments
                else None
            )
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
