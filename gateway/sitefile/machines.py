"""Assets of a site file: the machines, and which tags tell of them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.sitefile.derived import CountFrom, LevelsConfig
from gateway.sitefile.explain import Wrong
from gateway.sitefile.metering import DemandConfig, NameplateConfig, SharedConfig
from gateway.sitefile.names import Name, Reference, TagName, Watched
from gateway.sitefile.part import Part, example
from gateway.sitefile.products import Products
from gateway.sitefile.state_from import StateFrom
from gateway.sitefile.units import Duration, Flag, Int, Maybe, Number, Period, Scalar, Text
from gateway.words import _


class AlarmConfig(Part):
    """An alarm on a value: raised beyond a limit, over once it is back behind `clear`."""

    model_config = example(
        {"on": "oven_temp", "above": 185},
        oneOf=[{"required": ["above"]}, {"required": ["below"]}, {"required": ["equals"]}],
    )

    on: Watched = Field(
        description="Signal or tag that it watches; device.tag where two devices have the name.",
        examples=["oven_temp"],
    )
    above: Maybe[Number] = Field(default=None, description="Raised above this.", examples=[185])
    below: Maybe[Number] = Field(default=None, description="Raised below this.", examples=[5])
    equals: Maybe[Scalar] = Field(
        default=None, description="Raised while it is this: a bit, a code, a word.", examples=[True]
    )
    clear: Maybe[Number] = Field(
        default=None, description="Over once the value is back here.", examples=[180]
    )
    severity: Int = Field(
        default=3, ge=1, le=4, description="1 the gravest, 4 the least.", examples=[2]
    )
    text: Maybe[Text] = Field(
        default=None,
        description="What people read; without it the limit in words.",
        examples=[{"zh": "炉温过高", "en": "Oven too hot"}],
    )
    delay: Duration = Field(
        default=0.0,
        description="Raised once it lasts so long.",
        examples=["5s"],
        json_schema_extra={"default": "0s"},
    )
    clear_delay: Duration = Field(
        default=0.0,
        description="Over once the value is back for so long.",
        examples=["10s"],
        json_schema_extra={"default": "0s"},
    )

    @model_validator(mode="after")
    def _one_limit(self) -> "AlarmConfig":
        limits = [limit for limit in (self.above, self.below, self.equals) if limit is not None]
        if len(limits) != 1:
            what = _("an alarm needs one limit: above, below or equals")
            next_ = _("write one of the three; two limits are two alarms")
            raise Wrong("one-of", what, next_)
        if self.equals is not None and self.clear is not None:
            what = _("an alarm with equals is over when the value is another one")
            raise Wrong("one-of", what, _("delete clear"), at=("clear",))
        too_high = self.above is not None and self.clear is not None and self.clear > self.above
        too_low = self.below is not None and self.clear is not None and self.clear < self.below
        if too_high or too_low:
            what = _("the alarm would be over while the value is still beyond its limit")
            next_ = _("clear is at or below above:, at or above below:")
            raise Wrong("upside-down", what, next_, at=("clear",))
        return self


def _word(value: str) -> str:
    """Spell a raw word as a register gives it: `0x10` is `16`, `true` is `1`."""
    if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", value):
        return str(int(value, 16))
    return {"true": "1", "false": "0"}.get(value.lower(), value)


class AssetConfig(Part):
    """A machine, and which tags tell of it."""

    model_config = example({"line": "sole-line", "bind": {"count": "plc-1.shots"}})

    name: Maybe[Text] = Field(
        default=None,
        description="What people call it.",
        examples=[{"zh": "1号注塑机", "en": "Injection 1"}],
    )
    line: Name = Field(
        default="main", description="Production line that it stands in.", examples=["sole-line"]
    )
    type: Maybe[Annotated[str, Field(min_length=1)]] = Field(
        default=None, description="Machine type of the industry.", examples=["rotary-injection"]
    )
    bind: dict[TagName, Reference] = Field(
        default_factory=dict,
        description="Signal of the type, and the device.tag that gives it.",
        examples=[{"count": "plc-1.shots", "state": "plc-1.run_state"}],
    )
    states: dict[
        Annotated[str, AfterValidator(_word)],
        Literal["running", "setup", "waiting", "fault", "idle", "planned_stop", "unknown"],
    ] = Field(
        default_factory=dict,
        description="Raw value of the state signal, and the state that it means.",
        examples=[{"1": "running", "0": "idle"}],
    )
    reasons: dict[Annotated[str, AfterValidator(_word)], TagName] = Field(
        default_factory=dict,
        description="Raw value of the reason signal, and the reason of the profile that it means.",
        examples=[{"12": "mechanical", "20": "mould_change"}],
    )
    ideal_cycle: Maybe[Period] = Field(
        default=None,
        description="Shortest time for one piece; without it no performance and no OEE.",
        examples=["12s"],
    )
    products: Products = Field(
        default_factory=dict,
        description="What differs by product code; a list of entries with from: where it changes.",
        examples=[{"A17": {"ideal_cycle": "10s"}}],
    )
    micro_stop: Maybe[Duration] = Field(
        default=None, description="A shorter stop counts as running.", examples=["2min"]
    )
    state_from: Maybe[StateFrom] = Field(
        default=None,
        description="What the state follows from, where no tag tells it.",
        examples=[{"bits": [["alarm", "fault"], ["running", "running"]], "else": "idle"}],
    )
    levels: Maybe[LevelsConfig] = Field(
        default=None,
        description="What the machine does, by its power in kW.",
        examples=[{"idle": 2, "run": 5.5, "hysteresis": 0.4, "dwell": "5s"}],
    )
    count_from: Maybe[CountFrom] = Field(
        default=None,
        description="What the count is made of, where no tag counts.",
        examples=[{"power": {"above": 8, "below": 3, "dwell": "1s"}}],
    )
    alarms: dict[TagName, AlarmConfig] = Field(
        default_factory=dict,
        description="Alarms on this machine's values.",
        examples=[{"oven_hot": {"on": "oven_temp", "above": 185, "clear": 180}}],
    )
    parameters: dict[TagName, Scalar] = Field(
        default_factory=dict,
        description="What the machine type asks for.",
        examples=[{"stations": 24}],
    )

    demand: Maybe[DemandConfig] = Field(
        default=None,
        description="How demand is measured, and what was agreed with the supplier.",
        examples=[{"contract": 315}],
    )
    nameplate: Maybe[NameplateConfig] = Field(
        default=None,
        description="What stands on its plate.",
        examples=[{"power": 37, "pressure": 0.8, "cooling": "air"}],
    )
    shared: Maybe[SharedConfig] = Field(
        default=None,
        description="Who uses what it produces, such as a compressor's air.",
        examples=[{"among": ["injection-1", "injection-2"], "by": "run_time"}],
    )
    within: Maybe[Name] = Field(
        default=None,
        description="The asset whose meter measures this one's use too; sums count it once.",
        examples=["main-meter"],
    )


class InventoryItem(Part):
    """A machine of the factory that isn't connected, so that rates have their denominator."""

    model_config = example({"type": "press", "digital": False})

    type: Annotated[str, Field(min_length=1)] = Field(
        description="Machine type of the industry.", examples=["press"]
    )
    digital: Flag = Field(
        default=False, description="Whether it has a controller at all.", examples=[False]
    )
    name: Maybe[Text] = Field(
        default=None,
        description="What people call it.",
        examples=[{"zh": "9号压机", "en": "Press 9"}],
    )
    line: Name = Field(
        default="main", description="Production line that it stands in.", examples=["sole-line"]
    )
