"""What is derived from an asset's power or from pulses, for machines that tell nothing else.

A machine type may say it, and an asset in the site file in the type's place.
"""

import itertools
from collections.abc import Iterator

from pydantic import Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Duration, Maybe, Number, Period
from gateway.words import _


class LevelsConfig(Part):
    """What a machine does, by its power in kW."""

    model_config = example(
        {"idle": 2, "run": 5.5, "hysteresis": 0.4, "dwell": "5s"},
        anyOf=[{"required": ["standby"]}, {"required": ["idle"]}, {"required": ["run"]}],
    )

    standby: Maybe[Number] = Field(
        default=None, gt=0, description="Standby from so many kW on; off below.", examples=[0.3]
    )
    idle: Maybe[Number] = Field(
        default=None, gt=0, description="Idle from so many kW on.", examples=[2]
    )
    run: Maybe[Number] = Field(
        default=None, gt=0, description="Running from so many kW on.", examples=[5.5]
    )
    hysteresis: Number = Field(
        default=0.0, ge=0, description="A level ends so many kW below its edge.", examples=[0.4]
    )
    dwell: Duration = Field(
        default=0.0,
        description="Another level counts once it lasts so long, from its beginning on.",
        examples=["5s"],
        json_schema_extra={"default": "0s"},
    )

    @model_validator(mode="after")
    def _rising(self) -> "LevelsConfig":
        edges = list(self.edges())
        if not edges:
            what = _("levels need at least one edge")
            raise Wrong("missing-key", what, _("write e.g. run: 5.5"))
        for (below, least), (above, most) in itertools.pairwise(edges):
            if least >= most:
                what = _("{above} begins at {most} kW, not above {below} at {least} kW").format(
                    above=above, most=f"{most:g}", below=below, least=f"{least:g}"
                )
                next_ = _("the edges rise: standby, idle, run")
                raise Wrong("upside-down", what, next_, at=(above,))
        name, lowest = edges[0]
        if self.hysteresis >= lowest:
            what = _("with this hysteresis {name} would never end").format(name=name)
            next_ = _("write less than {lowest}").format(lowest=f"{lowest:g}")
            raise Wrong("out-of-range", what, next_, at=("hysteresis",))
        return self

    def edges(self) -> Iterator[tuple[str, float]]:
        """The levels above off, each with the power at which it begins, in kW."""
        for name in ("standby", "idle", "run"):
            edge = getattr(self, name)
            if edge is not None:
                yield name, edge


class StrokesConfig(Part):
    """Strokes of a machine whose power rises and falls with each."""

    model_config = example({"above": 8, "below": 3, "dwell": "1s"})

    above: Number = Field(gt=0, description="In a stroke from so many kW on.", examples=[8])
    below: Number = Field(ge=0, description="Out of it at so many kW or less.", examples=[3])
    dwell: Duration = Field(
        default=0.0,
        description="Power stays on either side for so long.",
        examples=["1s"],
        json_schema_extra={"default": "0s"},
    )

    @model_validator(mode="after")
    def _apart(self) -> "StrokesConfig":
        if self.below >= self.above:
            what = _("a stroke would end where it begins")
            raise Wrong("upside-down", what, _("write a below: under above:"), at=("below",))
        return self


class PulsesConfig(Part):
    """How short the pulses of the signal `pulse` and the pauses between them get."""

    model_config = example({"min_pulse": "1s", "min_pause": "1s"})

    min_pulse: Period = Field(description="The shortest pulse.", examples=["1s"])
    min_pause: Period = Field(description="The shortest pause between two.", examples=["1s"])


class CountFrom(Part):
    """One of two: strokes of the power, or pulses of a bit."""

    model_config = example(
        {"power": {"above": 8, "below": 3, "dwell": "1s"}},
        oneOf=[{"required": ["power"]}, {"required": ["pulse"]}],
    )

    power: Maybe[StrokesConfig] = Field(
        default=None,
        description="One for each stroke of the signal power.",
        examples=[{"above": 8, "below": 3, "dwell": "1s"}],
    )
    pulse: Maybe[PulsesConfig] = Field(
        default=None,
        description="One for each pulse of the signal pulse.",
        examples=[{"min_pulse": "1s", "min_pause": "1s"}],
    )

    @model_validator(mode="after")
    def _one(self) -> "CountFrom":
        if (self.power is None) == (self.pulse is None):
            what = _("the count is made of one thing: power or pulse")
            raise Wrong("one-of", what, _("write one of the two"))
        return self
