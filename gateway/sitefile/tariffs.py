"""A time-of-use tariff as the supplier's document states it: dated, by month, day type and clock.

Nothing is assumed of any tariff: which hours are dear stands in a file, with where it was taken
from. Slots must tile each day, and each kind of day must have exactly one rule, so that no kilowatt
hour is without a slot and none has two.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema, model_validator

from gateway.metering import DAY_TYPES
from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Clock, Day, Int, Maybe, Number, Some
from gateway.words import _

MINUTES = 24 * 60
MONTHS = tuple(range(1, 13))

SlotName = Literal["sharp", "peak", "flat", "valley", "deep_valley"]
DayType = Literal["workday", "weekend", "holiday"]


def _currency(value: str) -> str:
    if re.fullmatch("[A-Z]{3}", value):
        return value
    what = _("{value} is no currency").format(value=describe(value))
    raise Wrong("bad-currency", what, _("write its three letters, e.g. CNY"))


Currency = Annotated[
    str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
Month = Annotated[Int, Field(ge=1, le=12)]


class TariffRuleConfig(Part):
    """The slots of some kinds of day, or of listed days."""

    model_config = example(
        {
            "months": [1, 7, 8, 12],
            "days": ["workday", "weekend", "holiday"],
            "slots": {"peak": [["08:00", "22:00"]], "valley": [["22:00", "08:00"]]},
        }
    )

    months: Maybe[Some[tuple[Month, ...]]] = Field(
        default=None,
        description="Months that it is for, 1 to 12; all where it isn't given.",
        examples=[[1, 7, 8, 12]],
    )
    days: Maybe[Some[tuple[DayType, ...]]] = Field(
        default=None,
        description="Kinds of day that it is for; all where it isn't given.",
        examples=[["workday"]],
    )
    dates: tuple[Day, ...] = Field(
        default=(),
        description="Listed days that it is for alone, whatever their kind.",
        examples=[["2026-10-01"]],
    )
    slots: Some[dict[SlotName, tuple[tuple[Clock, Clock], ...]]] = Field(
        description="Slots with their times, from and to; one that ends before it starts runs"
        " over midnight.",
        examples=[{"peak": [["08:00", "22:00"]], "valley": [["22:00", "08:00"]]}],
    )

    @property
    def cells(self) -> set[tuple[int, str]]:
        """The months and kinds of day that it is for."""
        if self.dates:
            return set()
        return set(itertools.product(self.months or MONTHS, self.days or DAY_TYPES))

    @property
    def day(self) -> list[tuple[int, int, str]]:
        """The day from midnight to midnight, (from, to, slot) in minutes, in order."""
        return sorted((start, end, name) for start, end, name, _at in self._pieces())

    @model_validator(mode="after")
    def _one_kind(self) -> "TariffRuleConfig":
        for key in ("months", "days"):
            if self.dates and getattr(self, key) is not None:
                what = _("a rule for listed dates is for these alone")
                next_ = _("delete {key}, or write a second rule").format(key=key)
                raise Wrong("contradiction", what, next_, at=(key,))
        return self

    @model_validator(mode="after")
    def _tiled(self) -> "TariffRuleConfig":
        pieces = sorted(self._pieces(), key=lambda piece: piece[:2])
        taken, before = 0, ""
        for start, end, name, index in pieces:
            if start < taken:
                what = _("{name} and {other} overlap from {time}").format(
                    name=name, other=before, time=_time(start)
                )
                next_ = _("each minute of the day is in one slot; correct a time")
                raise Wrong("overlap", what, next_, at=("slots", name, index))
            if start > taken:
                raise _gap(taken, start)
            taken, before = end, name
        if taken < MINUTES:
            raise _gap(taken, MINUTES)
        return self

    def _pieces(self) -> Iterator[tuple[int, int, str, int]]:
        """(from, to, slot, place in its list); a slot over midnight is two pieces of the day."""
        for name, times in self.slots.items():
            for index, (start, end) in enumerate(times):
                if start in (end, MINUTES):
                    what = _("{start} to {end} is no time").format(
                        start=_time(start), end=_time(end)
                    )
                    next_ = _('for the whole day write ["00:00", "24:00"]')
                    raise Wrong("bad-slot", what, next_, at=("slots", name, index))
                if start < end:
                    yield start, end, name, index
                    continue
                yield start, MINUTES, name, index
                if end:
                    yield 0, end, name, index


_VERSION: dict[str, JsonValue] = {
    "from": "2026-01-01",
    "source": "the supplier's document and its number",
    "rules": [{"slots": {"flat": [["00:00", "24:00"]]}}],
}


class TariffVersionConfig(Part):
    """The tariff from a day on."""

    model_config = example(_VERSION)

    from_: Day = Field(alias="from", description="Its first day.", examples=["2026-01-01"])
    source: str = Field(
        min_length=1,
        description="Where it was taken from: the document and its number.",
        examples=["the supplier's document and its number"],
    )
    prices: dict[SlotName, Annotated[Number, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Price of a kWh in each slot; without it nothing is told of cost.",
        examples=[{"peak": 1.0, "valley": 0.4}],
    )
    rules: Some[tuple[TariffRuleConfig, ...]] = Field(
        description="Slots by kind of day.",
        examples=[[{"slots": {"flat": [["00:00", "24:00"]]}}]],
    )

    @model_validator(mode="after")
    def _each_day_once(self) -> "TariffVersionConfig":
        seen: dict[object, int] = {}
        for index, rule in enumerate(self.rules):
            cells: list[object] = [*sorted(rule.cells), *sorted(rule.dates)]
            for cell in cells:
                if cell in seen:
                    day = _spell(cell)
                    what = _("{day} has a rule already, number {n}").format(
                        day=day, n=seen[cell] + 1
                    )
                    next_ = _("each kind of day has one; correct months, days or dates")
                    raise Wrong("overlap", what, next_, at=("rules", index))
                seen[cell] = index
        for cell in itertools.product(MONTHS, DAY_TYPES):
            if cell not in seen:
                what = _("{day} has no rule").format(day=_spell(cell))
                next_ = _("add one, or name its month and kind of day in another")
                raise Wrong("gap", what, next_, at=("rules",))
        return self

    @model_validator(mode="after")
    def _all_priced(self) -> "TariffVersionConfig":
        used = dict.fromkeys(name for rule in self.rules for name in rule.slots)
        if not self.prices:
            return self
        for name in used:
            if name not in self.prices:
                what = _("{name} has no price").format(name=name)
                next_ = _("give each slot its price, or none at all")
                raise Wrong("missing-key", what, next_, at=("prices",))
        for name in self.prices:
            if name not in used:
                what = _("no rule has such a slot")
                raise Wrong("unknown-slot", what, _("delete it"), at=("prices", name))
        return self


class TariffConfig(Part):
    """A time-of-use tariff, version by version."""

    model_config = example({"versions": [_VERSION]})

    currency: Maybe[Currency] = Field(
        default=None, description="Of all prices, three letters.", examples=["CNY"]
    )
    versions: Some[tuple[TariffVersionConfig, ...]] = Field(
        description="The tariff from one day on, and then from later ones.",
        examples=[[_VERSION]],
    )

    @model_validator(mode="after")
    def _in_order(self) -> "TariffConfig":
        for index, (one, other) in enumerate(itertools.pairwise(self.versions), start=1):
            if other.from_ <= one.from_:
                what = _("{day} is not after the version before, {before}").format(
                    day=other.from_, before=one.from_
                )
                next_ = _("write versions in the order of their dates")
                raise Wrong("upside-down", what, next_, at=("versions", index, "from"))
        for index, version in enumerate(self.versions):
            if version.prices and self.currency is None:
                what = _("prices of which currency")
                next_ = _("write e.g. currency: CNY at the top of the tariff")
                raise Wrong("missing-key", what, next_, at=("versions", index, "prices"))
        return self


def _gap(start: int, end: int) -> Wrong:
    what = _("no slot from {start} to {end}").format(start=_time(start), end=_time(end))
    return Wrong("gap", what, _("slots tile the day; add one or correct a time"), at=("slots",))


def _spell(cell: object) -> str:
    """A kind of day, for people."""
    if not isinstance(cell, tuple):
        return str(cell)
    month, kind = cell
    return _("{kind} of month {month}").format(kind=kind, month=month)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
