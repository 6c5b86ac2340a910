"""What a machine's state follows from, where no signal tells it as such.

A machine type may say it, and an asset in the site file in the type's place.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.names import TagName
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Int, Maybe, Number
from gateway.words import _

State = Literal["running", "setup", "waiting", "fault", "idle", "planned_stop"]
"""The states of the contract that a machine may tell."""


Bits = tuple[tuple[str, State], ...]


def _some(bits: Bits) -> Bits:
    """Refuse none at all; what is wrong with those that there are has been told by now."""
    if not bits:
        what, next_ = _("no bit is named"), _("write e.g. bits: [[running, running]]")
        raise Wrong("wrong-count", what, next_)
    return bits


class CountedState(Part):
    """A machine that is known to run because it counts."""

    model_config = example({"within": 3})

    within: Number = Field(
        gt=0,
        description="Running while a count came within so many ideal cycles.",
        examples=[3],
    )


class StateFrom(Part):
    """One of three rules: bits, PackML's numbers, or counts."""

    model_config = example(
        {"bits": [["alarm", "fault"], ["running", "running"]], "else": "idle"},
        oneOf=[{"required": ["bits"]}, {"required": ["packml"]}, {"required": ["count"]}],
    )

    bits: Maybe[
        Annotated[
            tuple[tuple[TagName, State], ...],
            AfterValidator(_some),
            Field(json_schema_extra={"minItems": 1}),
        ]
    ] = Field(
        default=None,
        description="Signals that are true or false, each with its state; the first true one wins.",
        examples=[[["alarm", "fault"], ["running", "running"]]],
    )
    otherwise: State = Field(
        default="idle", alias="else", description="State while no bit is true.", examples=["idle"]
    )
    packml: Maybe[Annotated[tuple[TagName, ...], Field(min_length=1, max_length=2)]] = Field(
        default=None,
        description="Signals of PackML's state and, if there is one, mode.",
        examples=[["packml_state", "packml_mode"]],
    )
    setup_modes: tuple[Int, ...] = Field(
        default=(), description="PackML modes in which the machine is set up.", examples=[[4]]
    )
    count: Maybe[CountedState] = Field(
        default=None, description="The machine's counter.", examples=[{"within": 3}]
    )

    @model_validator(mode="after")
    def _one_rule(self) -> "StateFrom":
        rules = [rule for rule in (self.bits, self.packml, self.count) if rule is not None]
        if len(rules) != 1:
            what = _("the state follows from one thing: bits, packml or count")
            raise Wrong("one-of", what, _("write one of the three"))
        if "otherwise" in self.model_fields_set and self.bits is None:
            what = _("else is the state while no bit is true, and there are no bits")
            raise Wrong("one-of", what, _("delete else"), at=("else",))
        if self.setup_modes and self.packml is None:
            what = _("setup_modes are numbers of PackML's mode, and there is no packml")
            raise Wrong("one-of", what, _("delete setup_modes"), at=("setup_modes",))
        return self

    def needs(self) -> tuple[str, ...]:
        """The signals that the rule needs."""
        if self.bits is not None:
            return tuple(signal for signal, _state in self.bits)
        return self.packml or ("count",)
