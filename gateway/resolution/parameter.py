"""Numbers that a template or a machine type asks of the site file, and the site's answers."""

from collections.abc import Mapping

from pydantic import Field, model_validator

from gateway.errors import Fault
from gateway.resolution.library import Names
from gateway.sitefile.document import Document, Wrong, nearest
from gateway.sitefile.explain import describe
from gateway.sitefile.part import Part, upside_down
from gateway.sitefile.units import Number
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _


class Parameter(Part):
    """A number that belongs to the device or machine at hand, e.g. a transformer's ratio."""

    name: Names = Field(
        description="what people call it", examples=[{"zh": "工位数", "en": "stations"}]
    )
    unit: str | None = Field(default=None, description="of the number", examples=["kW"])
    default: Number | None = Field(
        default=None, description="where the site file gives none", examples=[1]
    )
    min: Number = Field(description="least that is believed", examples=[1])
    max: Number = Field(description="most that is believed", examples=[100])

    @model_validator(mode="after")
    def _sensible(self) -> "Parameter":
        if self.min > self.max:
            raise upside_down("min", "max", self.min, self.max)
        if self.default is not None and not self.min <= self.default <= self.max:
            what = _("the default {value} is outside {low} to {high}").format(
                value=self.default, low=self.min, high=self.max
            )
            raise Wrong("out-of-range", what, _("choose one within"), at=("default",))
        return self


def settle(
    asked: Mapping[str, Parameter],
    given: Mapping[str, object],
    document: Document,
    path: KeyPath,
    owner: str,
) -> tuple[dict[str, float], list[Fault]]:
    """Take what the site file gives, else the default; what has neither is left out.

    Args:
        asked: by name.
        given: the site file's answers.
        document: the site file.
        path: of `given` in it.
        owner: who asks, for messages.
    """
    values = {name: spec.default for name, spec in asked.items() if spec.default is not None}
    faults: list[Fault] = []
    for name, value in given.items():
        spec = asked.get(name)
        at = (*path, name)
        if spec is None:
            what = _("{owner} has no such parameter").format(owner=owner)
            near = nearest(name, asked)
            if near:
                next_ = _("did you mean {near}?").format(near=near)
            elif asked:
                next_ = _("there are: {known}").format(known=", ".join(asked))
            else:
                next_ = _("delete it")
            faults.append(document.fault(at, "unknown-parameter", what, next_, key=True))
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            what = _("must be a number, not {value}").format(value=describe(value))
            next_ = _("write e.g. {name}: {value}").format(name=name, value=f"{spec.min:g}")
            faults.append(document.fault(at, "wrong-type", what, next_))
        elif not spec.min <= value <= spec.max:
            what = _("{value} is outside {low} to {high}").format(
                value=value, low=f"{spec.min:g}", high=f"{spec.max:g}"
            )
            next_ = _("read it off the machine's plate again")
            faults.append(document.fault(at, "out-of-range", what, next_))
        else:
            values[name] = float(value)
    return values, faults
