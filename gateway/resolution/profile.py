"""The language of an industry profile: what its machines are, and what their figures mean.

A profile is data in two layers. N is what every machine of the industry gives, the same in each
factory; X is what a firm adds. What the gateway itself must understand of a profile (the signals
that figures are computed from, the counting rules, the KPI names) is named here and nowhere
else; everything beyond is words, units and ranges.
"""

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.resolution.energy_terms import (
    ENERGY_KPIS,
    ENERGY_PARAMETERS,
    ENERGY_SIGNALS,
)
from gateway.resolution.formula import Formula
from gateway.resolution.library import Names
from gateway.resolution.parameter import Parameter
from gateway.resolution.reasons import Reason, Results
from gateway.sitefile.derived import CountFrom, LevelsConfig
from gateway.sitefile.document import Wrong
from gateway.sitefile.explain import describe
from gateway.sitefile.names import Level, TagName
from gateway.sitefile.part import Part, distinct, upside_down
from gateway.sitefile.state_from import State, StateFrom
from gateway.sitefile.units import Duration, Flag, Int, Maybe, Number, Period
from gateway.words import _


class SignalKind(StrEnum):
    """What a signal is, and so which kinds of tag can feed it."""

    STATE = "state"
    COUNTER = "counter"
    REGISTER = "register"
    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"


SIGNALS: dict[str, tuple[SignalKind, str | None]] = {
    "state": (SignalKind.STATE, None),
    "count": (SignalKind.COUNTER, None),
    "count_left": (SignalKind.COUNTER, None),
    "count_right": (SignalKind.COUNTER, None),
    "reject": (SignalKind.COUNTER, None),
    "reject_left": (SignalKind.COUNTER, None),
    "reject_right": (SignalKind.COUNTER, None),
    "reject_startup": (SignalKind.COUNTER, None),
    "rework": (SignalKind.COUNTER, None),
    "good": (SignalKind.COUNTER, None),
    "serial": (SignalKind.TEXT, None),
    "result": (SignalKind.TEXT, None),
    "mounted": (SignalKind.NUMBER, "station"),
    "product": (SignalKind.TEXT, None),
    "order": (SignalKind.TEXT, None),
    "reason": (SignalKind.TEXT, None),
    "planned_stop": (SignalKind.FLAG, None),
    "operators": (SignalKind.NUMBER, "person"),
    "level": (SignalKind.TEXT, None),
    "pulse": (SignalKind.FLAG, None),
    **{name: (SignalKind(kind), unit) for name, (kind, unit) in ENERGY_SIGNALS.items()},
}
"""The signals that figures are computed from: their kind and, where it is fixed, their unit."""

COUNTING: dict[str, tuple[str, ...]] = {
    "direct": ("count",),
    "pairs": ("count_left", "count_right"),
    "stations": ("count",),
    "multiplied": ("count",),
    "tests": ("serial", "result"),
    "none": (),
}
"""Counting rule → the signals that it counts.

`multiplied`: each count is as many pieces as the type's `factors` multiplied give. `tests`: one
piece for each serial number.
"""

PARAMETERS = ("stations", "pieces_per_index", "max_rate", *ENERGY_PARAMETERS)
"""What a type may ask of an asset in the site file."""

KNOWN_KPIS: dict[str, tuple[str, ...]] = {
    "a": ("state",),
    "p": ("state", "count", "ideal"),
    "q": ("count", "quality"),
    "oee": ("state", "count", "quality", "ideal"),
    "nee": ("state", "count", "quality", "ideal"),
    "teep": ("state", "count", "quality", "ideal"),
    "oee_by_count": ("count", "quality", "ideal"),
    "loading": (),
    "setup_ratio": ("state",),
    "utilisation_efficiency": ("state",),
    "technical_efficiency": ("state",),
    "allocation_efficiency": ("state",),
    "allocation_ratio": ("state",),
    "production_process_ratio": ("state",),
    "throughput_per_min": ("count",),
    "downtime": ("state",),
    "downtime_count": ("state",),
    "failures": ("state",),
    "mtbf_s": ("state",),
    "mttr_s": ("state",),
    "mttf_s": ("state",),
    "microstop_count": ("state",),
    "microstop_time": ("state",),
    "breakdown_loss_time": ("state",),
    "waiting_loss_time": ("state",),
    "setup_loss_time": ("state",),
    "idle_loss_time": ("state",),
    "quality_stop_time": ("state",),
    "personnel_stop_time": ("state",),
    "utility_stop_time": ("state",),
    "unexplained_ratio": ("state",),
    "speed_loss_time": ("state", "count", "ideal"),
    "station_loss_time": ("state", "count", "ideal"),
    "unplaced_time": ("state", "count", "ideal"),
    "retest_loss_time": ("state", "count", "ideal"),
    "process_reject_loss_time": ("state", "count", "quality", "ideal"),
    "startup_reject_loss_time": ("state", "count", "quality", "ideal"),
    "productive_time": ("state", "count", "quality", "ideal"),
    "scrap_ratio": ("count", "quality"),
    "rework_ratio": ("count", "quality"),
    "first_pass_yield": ("count", "quality"),
    "quality_ratio_piece": ("count", "quality"),
    "unmatched_halves": ("count", "quality"),
    "attended_time": (),
    "earned_time": ("count",),
    "line_efficiency": ("count",),
    "line_balance": ("state", "count"),
    "counter_jumps": ("count",),
    "counter_disagreement": ("count", "quality"),
    **ENERGY_KPIS,
}
"""The figures that the gateway computes, each with what it can't do without."""

BASE = ("a", "p", "q", "oee")
"""Figures of every counted type; a profile lists the others."""

Counting = Literal["direct", "pairs", "stations", "multiplied", "tests", "none"]
Window = Literal["quarter", "hour", "shift", "day", "order", "product"]
Layer = Literal["N", "X"]


class Signal(Part):
    """One thing that a machine of a type tells."""

    layer: Layer = Field(
        description="N: every such machine gives it; X: a firm may add it", examples=["X"]
    )
    kind: SignalKind = Field(
        description="what it is, and so which tags can feed it", examples=["number"]
    )
    name: Names = Field(
        description="what people call it", examples=[{"zh": "模具温度", "en": "Mould temperature"}]
    )
    unit: str | None = Field(
        default=None, examples=["°C"], description='unit on the wire; "" for a pure ratio'
    )
    low: Number | None = Field(
        default=None, description="least plausible value, in the unit", examples=[0]
    )
    high: Number | None = Field(
        default=None, description="highest plausible value, in the unit", examples=[350]
    )
    counts: Names | None = Field(
        default=None,
        description="what one step of a counter stands for",
        examples=[{"zh": "一双", "en": "one pair"}],
    )
    computed: Maybe[Formula] = Field(
        default=None,
        alias="is",
        description="computed from other signals of the asset, instead of read",
        examples=["phase_a + phase_b"],
    )

    @model_validator(mode="after")
    def _sensible(self) -> "Signal":
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise upside_down("low", "high", self.low, self.high)
        measured = self.kind in {SignalKind.COUNTER, SignalKind.REGISTER, SignalKind.NUMBER}
        if measured and self.unit is None:
            what = _("a {kind} has a unit").format(kind=self.kind)
            raise Wrong("missing-key", what, _('write e.g. unit: °C, or unit: "" for a ratio'))
        if self.kind is SignalKind.COUNTER and self.counts is None:
            what = _("a counter says what it counts")
            next_ = _("write e.g. counts: {{zh: 一双, en: one pair}}").format()
            raise Wrong("missing-key", what, next_)
        return self


class Piece(Part):
    """What counts as one piece of output."""

    unit: str = Field(min_length=1, description="as figures give it", examples=["pair"])
    name: Names = Field(description="what people call it", examples=[{"zh": "双", "en": "pair"}])
    adds_up: Flag = Field(
        default=True,
        description="false: pieces of several machines are not added up, as operations of the same"
        " garment; a line tells their balance instead",
        examples=[False],
    )


class Factor(Part):
    """What energy is converted with; a figure names the year and the scope that it used."""

    name: Names = Field(
        description="what people call it", examples=[{"zh": "电网因子", "en": "Grid factor"}]
    )
    value: Number = Field(gt=0, description="of the unit for one kWh", examples=[0.5306])
    unit: str = Field(min_length=1, description="of the result per kWh", examples=["kgCO2/kWh"])
    year: Int = Field(ge=1990, le=2100, description="that the source is of", examples=[2023])
    scope: str = Field(min_length=1, description="that it holds for", examples=["national"])
    source: str = Field(
        min_length=1, description="who says so", examples=["Ministry of Ecology and Environment"]
    )


class Kpi(Part):
    """A figure beside a, p, q and oee."""

    layer: Layer = Field(
        description="N: the same in every factory; X: the firm's own", examples=["N"]
    )
    name: Names = Field(
        description="what people call it", examples=[{"zh": "废品率", "en": "Scrap ratio"}]
    )
    unit: str = Field(
        description='"" for a ratio; {piece} stands for the piece of the machine at hand',
        examples=["kWh/{piece}"],
    )
    computed: Maybe[Formula] = Field(
        default=None,
        alias="is",
        description="for a name that begins with x_: computed from the figures of one record",
        examples=["use / good"],
    )
    types: tuple[str, ...] = Field(
        default=(),
        description="types that tell it, beside those that list it under kpis",
        examples=[["toe-lasting"]],
    )


class MachineType(Part):
    """Machines that are counted and judged alike."""

    extends: Maybe[Level] = Field(
        default=None,
        description="another type, of this profile or of the one that it extends; what this type"
        " says is laid over it",
        examples=["machine"],
    )
    name: Names = Field(
        description="what people call it", examples=[{"zh": "前帮机", "en": "Toe lasting machine"}]
    )
    kind: Literal["machine", "meter"] = Field(
        description="whether it makes something or only measures", examples=["machine"]
    )
    piece: Piece | None = Field(
        default=None,
        description="what counts as one piece; needed unless nothing is counted",
        examples=[{"unit": "pair", "name": {"zh": "双", "en": "pair"}}],
    )
    counting: Counting = Field(description="how counts become pieces", examples=["direct"])
    factors: Annotated[tuple[TagName, ...], AfterValidator(distinct)] = Field(
        default=(),
        description="for counting: multiplied: signals or parameters; a count is their product",
        examples=[["moulds", "cavities"]],
    )
    parameters: dict[TagName, Parameter] = Field(
        default_factory=dict,
        description="numbers that the site file gives of each machine",
        examples=[{"stations": {"min": 1, "max": 120, "name": {"zh": "工位数", "en": "stations"}}}],
    )
    signals: dict[TagName, Signal] = Field(
        min_length=1,
        description="what such a machine tells",
        examples=[
            {"state": {"layer": "N", "kind": "state", "name": {"zh": "状态", "en": "State"}}}
        ],
    )
    states: dict[str, State] = Field(
        default_factory=dict,
        description="words of such a machine for the contract's states",
        examples=[{"RUN": "running"}],
    )
    state_from: Maybe[StateFrom] = Field(
        default=None,
        description="what the state follows from, where no tag tells it",
        examples=[{"bits": [["alarm", "fault"], ["running", "running"]], "else": "idle"}],
    )
    levels: Maybe[LevelsConfig] = Field(
        default=None,
        description="what the machine does, by its power in kW",
        examples=[{"idle": 2, "run": 5.5, "hysteresis": 0.4, "dwell": "5s"}],
    )
    count_from: Maybe[CountFrom] = Field(
        default=None,
        description="what the count is made of, where no tag counts",
        examples=[{"power": {"above": 8, "below": 3, "dwell": "1s"}}],
    )
    ideal_cycle: Period | None = Field(
        default=None,
        description="where the site file gives none; figures then say that it is a default",
        examples=["12s"],
    )
    micro_stop: Duration | None = Field(
        default=None, examples=["2min"], description="a shorter stop counts as run"
    )
    interim: Period | None = Field(
        default=None, examples=["30s"], description="publish open windows so often"
    )
    windows: Annotated[tuple[Window, ...], AfterValidator(distinct)] = Field(
        min_length=1,
        description="times that figures are published for",
        examples=[["hour", "shift", "day"]],
    )
    kpis: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        default=(),
        description="figures published beside a, p, q and oee; each stands under kpis: of the"
        " profile",
        examples=[["nee", "mtbf_s"]],
    )


def _version(value: str) -> str:
    if not re.fullmatch(r"\d{1,4}\.\d{1,4}\.\d{1,4}", value, re.ASCII):
        what = _("{value} is not a version").format(value=describe(value))
        raise Wrong("bad-version", what, _("write three numbers: 1.0.0"))
    return value


class Profile(Part):
    """An industry: its machine types, and what an extension may set of them."""

    profile: Level = Field(description="its name, as figures give it", examples=["shoes"])
    version: Annotated[str, AfterValidator(_version)] = Field(
        description="three numbers; raise it with each change", examples=["1.0.0"]
    )
    extends: Maybe[str] = Field(
        default=None,
        description="another profile, or a path that begins with ./; this one is laid over it",
        examples=["common"],
    )
    name: Names = Field(
        description="what people call it", examples=[{"zh": "鞋业", "en": "Footwear"}]
    )
    sources: tuple[str, ...] = Field(
        default=(), description="what it rests on", examples=[["GB/T 34044.2-2017"]]
    )
    notes: tuple[str, ...] = Field(
        default=(), description="for readers", examples=[["Hold times follow the test plan."]]
    )
    open: tuple[str, ...] = Field(
        default=(),
        description="paths that an extension may set: * is any key, + one that isn't here yet, **"
        " any number of keys; nothing of N can be opened",
        examples=[["states.+", "types.*.micro_stop"]],
    )
    states: dict[str, State] = Field(
        default_factory=dict,
        description="words of any machine for the contract's states",
        examples=[{"运行": "running"}],
    )
    reasons: dict[TagName, Reason] = Field(
        default_factory=dict,
        description="why machines stand, each with its loss, as a tree",
        examples=[
            {"breakdown": {"name": {"zh": "故障停机", "en": "Breakdown"}, "loss": "breakdown"}}
        ],
    )
    results: Results = Field(
        default_factory=Results,
        description="what test benches give for passed and failed",
        examples=[{"pass": ["ok"], "fail": ["ng"]}],
    )
    factors: dict[TagName, Factor] = Field(
        default_factory=dict,
        description="kgce and co2: what energy is converted with",
        examples=[{"co2": {"value": 0.5306, "unit": "kgCO2/kWh"}}],
    )
    kpis: dict[TagName, Kpi] = Field(
        default_factory=dict,
        description="figures that types publish, and a firm's own, which begin with x_",
        examples=[{"scrap_ratio": {"layer": "N", "unit": ""}}],
    )
    types: dict[Level, MachineType] = Field(
        min_length=1,
        description="the machines",
        examples=[{"toe-lasting": {"extends": "machine", "counting": "pairs"}}],
    )
