"""What all parts of a site file have in common."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from gateway.sitefile.explain import Wrong, describe
from gateway.words import _

T = TypeVar("T")


class Part(BaseModel):
    """A part of the site file: frozen, and no key in it that isn't known."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def example(value: dict[str, JsonValue], **rules: JsonValue) -> ConfigDict:
    """Give a part an example, which messages tell people to write.

    Args:
        value: the part as people would write it.
        rules: of the JSON Schema, for what a validator of the whole part demands.
    """
    return ConfigDict(json_schema_extra={"examples": [value], **rules})


def distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    """Refuse a list in which something stands twice.

    Raises:
        Wrong: `twice`.
    """
    for index, value in enumerate(values):
        if value in values[:index]:
            what = _("{value} stands here twice").format(value=describe(value))
            raise Wrong("twice", what, _("keep one of the two"), at=(index,))
    return values


def upside_down(low: str, high: str, least: object, most: object) -> Wrong:
    """Refuse a range whose ends are exchanged."""
    what = _("{low} ({least}) is not below {high} ({most})").format(
        low=low, high=high, least=describe(least), most=describe(most)
    )
    return Wrong("upside-down", what, _("exchange the two, or correct one"), at=(low,))
