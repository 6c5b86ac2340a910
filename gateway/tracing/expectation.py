"""What a trace must lead to: `NAME.expected.yaml` beside `NAME.jsonl`, as people write it.

    until: 2026-03-02T20:00            # let time pass after the last line
    expect:
      - asset: last-1
        window: shift:day@2026-03-02
        figures: {a: 7/8, count.good: 380, mtbf_s: 3600, q: null}
      - {asset: meter-1, window: day@2026-03-02, class: energy, figures: {use: 12.5}}
      - {asset: last-1, at: "2026-03-02T09:30", figures: {state: fault}}

A figure goes by its path in the record (`time_s.run`), or by its name alone. `7/8` is exact.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import Field, model_validator

from gateway.sitefile.document import Wrong
from gateway.sitefile.part import Part
from gateway.sitefile.units import Maybe, Number
from gateway.words import _

TOLERANCE = 1e-9
GROUPS = ("kpi", "count", "time_s", "basis", "reg")
"""Parts of a record whose figures may go by their names alone."""


Figure = bool | int | float | str | None
"""Null stands for a figure that has no basis."""


class Expected(Part):
    """What one record must say."""

    asset: str = Field(examples=["last-1"])
    window: Maybe[str] = Field(default=None, examples=["shift:day@2026-03-02"])
    at: Maybe[str] = Field(default=None, examples=["2026-03-02T09:30"])
    cls: str = Field(default="", alias="class", examples=["energy"])
    product: str = ""
    figures: dict[str, Figure] = Field(min_length=1, examples=[{"a": "7/8", "count.good": 380}])

    @model_validator(mode="after")
    def _one_time(self) -> "Expected":
        if (self.window is None) == (self.at is None):
            what = _("one of window and at is needed")
            raise Wrong("one-of", what, _("window for figures, at for the state at a time"))
        return self

    @property
    def record_class(self) -> str:
        """The class of the record, as its topic has it."""
        if self.at is not None:
            return "state"
        return {"": "oee", "energy": "energy/electricity"}.get(self.cls, self.cls)


class Expectation(Part):
    """All that a trace must lead to."""

    until: Maybe[str] = Field(default=None, examples=["2026-03-02T20:00"])
    tolerance: Number = Field(default=TOLERANCE, ge=0)
    expect: tuple[Expected, ...] = Field(min_length=1)


def found(body: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Look a figure up in a record's body; whether it is there, and what it is."""
    first, dot, rest = path.partition(".")
    groups = [body.get(first)] if dot else [body, *(body.get(name) for name in GROUPS)]
    name = rest if dot else path
    for group in groups:
        if isinstance(group, dict) and name in group:
            return True, group[name]
    return False, None


def agrees(wanted: Figure, got: object, tolerance: float) -> bool:
    """Whether a figure is the one expected, within a tolerance of 1 or of the figure itself."""
    exact = _exact(wanted)
    if exact is None or isinstance(got, (bool, str)) or got is None:
        return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
    apart = abs(Fraction(str(got)) - exact)
    return apart <= Fraction(str(tolerance)) * max(Fraction(1), abs(exact))


def _exact(wanted: Figure) -> Fraction | None:
    """A number, exact; None for anything else."""
    if isinstance(wanted, bool) or wanted is None:
        return None
    try:
        return Fraction(str(wanted))
    except (ValueError, ZeroDivisionError):
        return None
