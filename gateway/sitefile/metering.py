"""What a site file says of energy beside what is read: demand, plates, shares, factors."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.names import name
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Day, Duration, Int, Maybe, Positive
from gateway.words import _

BLOCKS_MIN = (5, 10, 15, 20, 30, 60)
PER = {
    "electricity": "kWh",
    "water": "m3",
    "compressed_air": "Nm3",
    "gas": "m3",
    "steam": "t",
    "heat": "GJ",
}
"""Medium → the unit that factors are per."""
WEIGHED = {"kgce": "kgce", "co2": "kgCO2"}


def _among(value: object) -> str | tuple[str, ...] | dict[str, float]:
    """Read a line, a list of machines, or machines with their shares."""
    if isinstance(value, str):
        return name(value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return tuple(map(name, value))
    if isinstance(value, dict) and value:
        for key, share in value.items():
            is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
            if not is_number or not share > 0:
                what = _("must be above 0, not {value}").format(value=describe(share))
                next_ = _("write each machine's share as a number, e.g. 2")
                raise Wrong("out-of-range", what, next_, at=(key,))
        return {name(key): float(share) for key, share in value.items()}
    what = _("must name a line or machines, not {value}").format(value=describe(value))
    raise Wrong("wrong-type", what, _("write e.g. among: [injection-1, injection-2]"))


Among = Annotated[
    str | tuple[str, ...] | dict[str, float],
    PlainValidator(_among),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {
                    "type": "object",
                    "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
                    "minProperties": 1,
                },
            ]
        }
    ),
]


class DemandConfig(Part):
    """How demand is measured, and what was agreed."""

    model_config = example({"contract": 315, "by": "fixed"})

    block: Duration = Field(
        default=900.0,
        description="Length of a block, of 5, 10, 15, 20, 30 and 60 min.",
        examples=["15min"],
        json_schema_extra={"default": "15min"},
    )
    step: Duration = Field(
        default=60.0,
        description="How far sliding blocks are apart: whole minutes that a block is made of.",
        examples=["1min"],
        json_schema_extra={"default": "1min"},
    )
    contract: Maybe[Positive] = Field(
        default=None, description="Demand agreed with the supplier, in kW.", examples=[315]
    )
    by: Literal["fixed", "sliding"] = Field(
        default="fixed", description="Which demand the contract is about.", examples=["fixed"]
    )

    @model_validator(mode="after")
    def _whole(self) -> "DemandConfig":
        if self.block / 60 not in BLOCKS_MIN:
            what = _("a block must divide the hour")
            next_ = _("write one of {choices}").format(
                choices=", ".join(f"{n}min" for n in BLOCKS_MIN)
            )
            raise Wrong("out-of-range", what, next_, at=("block",))
        if self.step < 60 or self.step % 60 or self.block % self.step:  # noqa: PLR2004 - seconds
            what = _("a block must be made of whole steps, and a step of whole minutes")
            raise Wrong("out-of-range", what, _("write e.g. step: 1min"), at=("step",))
        return self


class NameplateConfig(Part):
    """What stands on the machine's plate."""

    model_config = example({"power": 37, "pressure": 0.8, "cooling": "air", "drive": "fixed"})

    power: Maybe[Positive] = Field(default=None, description="Rated power in kW.", examples=[37])
    pressure: Maybe[Positive] = Field(
        default=None, description="Rated pressure of a compressor in MPa.", examples=[0.8]
    )
    cooling: Maybe[Literal["air", "liquid"]] = Field(
        default=None, description="How a compressor is cooled.", examples=["air"]
    )
    drive: Literal["fixed", "variable"] = Field(
        default="fixed", description="Fixed or variable speed.", examples=["fixed"]
    )
    grade: Maybe[Annotated[Int, Field(ge=1, le=3)]] = Field(
        default=None,
        description="Efficiency grade of a motor as its plate has it; no meter can tell it.",
        examples=[2],
    )


class SharedConfig(Part):
    """Who uses what this machine produces, such as a compressor's air."""

    model_config = example({"among": ["injection-1", "injection-2"], "by": "run_time"})

    among: Among = Field(
        description="A line, a list of machines, or each machine with its share.",
        examples=[["injection-1", "injection-2"]],
    )
    by: Literal["run_time", "pieces", "share"] = Field(
        description="By what its energy is shared out.", examples=["run_time"]
    )

    @model_validator(mode="after")
    def _shares(self) -> "SharedConfig":
        if (self.by == "share") != isinstance(self.among, dict):
            what = _("by share needs a share for each machine, and nothing else has one")
            next_ = _(
                "write e.g. among: {{injection-1: 2, injection-2: 1}} with by: share"
            ).format()
            raise Wrong("contradiction", what, next_, at=("among",))
        return self


class FactorConfig(Part):
    """A conversion factor from a day on, with where it was taken from."""

    model_config = example(
        {
            "from": "2026-01-01",
            "value": 0.5306,
            "unit": "kgCO2/kWh",
            "year": 2023,
            "scope": "national",
            "source": "the notice that published it",
        }
    )

    from_: Maybe[Day] = Field(
        default=None,
        alias="from",
        description="First day that it holds for; for ever where it isn't given.",
        examples=["2026-01-01"],
    )
    value: Positive = Field(description="The factor.", examples=[0.5306])
    unit: str = Field(description="Of the result per unit of the medium.", examples=["kgCO2/kWh"])
    year: Maybe[Annotated[Int, Field(ge=1990, le=2100)]] = Field(
        default=None, description="Year of the statistics.", examples=[2023]
    )
    scope: str = Field(
        min_length=1, description="What it covers, as figures name it.", examples=["national"]
    )
    source: str = Field(
        min_length=1,
        description="Where it was taken from.",
        examples=["the notice that published it"],
    )


class MediumFactors(Part):
    """Factors of one medium."""

    kgce: tuple[FactorConfig, ...] = Field(
        default=(), description="Into standard coal, in the order of their days.", examples=[[]]
    )
    co2: tuple[FactorConfig, ...] = Field(
        default=(), description="Into CO2, in the order of their days.", examples=[[]]
    )

    @model_validator(mode="after")
    def _in_order(self) -> "MediumFactors":
        for key in ("kgce", "co2"):
            before = None
            for index, factor in enumerate(getattr(self, key)):
                if index and (factor.from_ is None or (before and factor.from_ <= before)):
                    what = _("it doesn't begin after the one before")
                    next_ = _("write factors in the order of their days, each with from:")
                    raise Wrong("upside-down", what, next_, at=(key, index))
                before = factor.from_
        return self


def unit_of(medium: str, factor: str) -> str:
    """The unit of a medium's factor into coal (`kgce`) or CO2 (`co2`)."""
    return f"{WEIGHED[factor]}/{PER[medium]}"
