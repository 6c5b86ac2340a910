"""A mapping file: topics and JSON of a home-grown platform, without programming."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import orjson
from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe, instead
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Flag, Maybe
from gateway.words import _

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
ALWAYS = ("cluster", "enterprise", "site", "gateway", "line", "asset", "class", "id", "hist", "now")
"""Placeholders that stand in any place."""
WITHIN = {
    "record": (*ALWAYS, "rows"),
    "row": (*ALWAYS, "time", "values", "list"),
    "value": (*ALWAYS, "time", "name", "value"),
}
_TOPICS = {
    "record": ALWAYS[:-3],
    "row": ALWAYS[:-3],
    "value": (*ALWAYS[:-3], "name"),
}
Class = Literal["telemetry", "state", "oee", "energy", "event", "alarm"]


def _topic(value: str) -> str:
    if re.search(r"[+#\x00-\x1f]", value) or not value or len(value) > 512:  # noqa: PLR2004
        what = _("{value} is no topic to publish to").format(value=describe(value))
        raise Wrong("bad-name", what, _("write e.g. factory/{{site}}/{{asset}}/data").format())
    return value


Topic = Annotated[
    str, AfterValidator(_topic), WithJsonSchema({"type": "string", "pattern": "^[^+#]{1,512}$"})
]


class FieldConfig(Part):
    """A value under another name or in another unit: value × times + plus."""

    model_config = example({"as": "power_w", "times": 1000})

    as_: Maybe[Annotated[str, Field(min_length=1)]] = Field(
        default=None, alias="as", description="Its name on the wire.", examples=["power_w"]
    )
    times: float = Field(default=1.0, description="Factor to the other unit.", examples=[1000])
    plus: float = Field(default=0.0, description="What is added to it.", examples=[32])
    drop: Flag = Field(default=False, description="It isn't told.", examples=[True])


class MessageConfig(Part):
    """A kind of message."""

    model_config = example(
        {"topic": "factory/{asset}", "each": "row", "body": {"t": "{time}", "data": "{values}"}}
    )

    of: tuple[Class, ...] = Field(
        default=("telemetry",),
        min_length=1,
        description="Classes of records that it tells.",
        examples=[["telemetry", "state"]],
    )
    assets: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=("*",),
        min_length=1,
        description="Names of assets; * stands for any characters.",
        examples=[["press-*"]],
    )
    topic: Topic = Field(
        description="Where it goes, with placeholders.", examples=["factory/{site}/{asset}/data"]
    )
    each: Literal["record", "row", "value"] = Field(
        default="row",
        description="One message a record, a row (values of one time), or a value.",
        examples=["row"],
    )
    time: Literal["ms", "s", "iso", "local"] = Field(
        default="ms",
        description="Times: ms or s since 1970 (UTC), ISO 8601 in UTC, or in the site's zone.",
        examples=["ms"],
    )
    body: JsonValue = Field(
        description="The JSON, with placeholders.", examples=[{"t": "{time}", "data": "{values}"}]
    )
    row: JsonValue = Field(
        default=None, description="What {rows} is a list of.", examples=[{"t": "{time}"}]
    )
    value: JsonValue = Field(
        default=None,
        description="What {list} is a list of.",
        examples=[{"k": "{name}", "v": "{value}"}],
    )
    qos: Literal[1] = Field(
        default=1, description="1: what is not acknowledged is sent again.", examples=[1]
    )
    retain: Flag = Field(default=False, description="The broker keeps the last.", examples=[False])

    @model_validator(mode="after")
    def _placed(self) -> "MessageConfig":
        _check(self.topic, _TOPICS[self.each], ("topic",))
        _check(self.body, WITHIN[self.each], ("body",))
        uses = {name for part in (self.body, self.row) for _path, name in _placeholders(part, ())}
        if self.row is not None:
            _check(self.row, WITHIN["row"], ("row",))
        if self.value is not None:
            _check(self.value, WITHIN["value"], ("value",))
        for name, key, part in (("rows", "row", self.row), ("list", "value", self.value)):
            if (name in uses) != (part is not None):
                what = _("{{{name}}} and {key}: belong together").format(name=name, key=key)
                next_ = _("write both, or neither")
                raise Wrong("lacks-partner", what, next_, at=() if part is None else (key,))
        return self


class MappingConfig(Part):
    """A mapping file."""

    messages: tuple[MessageConfig, ...] = Field(
        min_length=1, description="Kinds of messages; a record makes each that it fits."
    )
    fields: dict[str, FieldConfig] = Field(
        default_factory=dict, description="Values under other names and in other units."
    )
    others: Literal["keep", "drop"] = Field(
        default="keep", description="Values that fields doesn't name.", examples=["keep"]
    )

    @model_validator(mode="after")
    def _apart(self) -> "MappingConfig":
        seen: dict[str, str] = {}
        for name, field in self.fields.items():
            wire = field.as_ or name
            if not field.drop and seen.setdefault(wire, name) != name:
                what = _("{other} is called {name} too").format(other=seen[wire], name=wire)
                raise Wrong("twice", what, _("give them two names"), at=("fields", name))
        return self


def text(part: object) -> str:
    """A part of a message as JSON text; "" for none."""
    return "" if part is None else orjson.dumps(part).decode()


def _check(part: object, known: Iterable[str], path: tuple[str | int, ...]) -> None:
    for at, name in _placeholders(part, path):
        if name not in known:
            what = _("there is no placeholder {name} here").format(name="{" + name + "}")
            raise Wrong("unknown-word", what, instead(name, known), at=at)


def _placeholders(
    part: object, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(part, str):
        yield from ((path, name) for name in PLACEHOLDER.findall(part))
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _placeholders(value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _placeholders(value, (*path, index))
