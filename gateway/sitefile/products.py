"""Products of a site file: what differs by product code, and from when on."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Day, Maybe, Period
from gateway.words import _


class ProductConfig(Part):
    """What differs for one product, always or from a date on."""

    model_config = example(
        {"ideal_cycle": "10s"}, anyOf=[{"required": ["ideal_cycle"]}, {"required": ["sam"]}]
    )

    since: Maybe[Day] = Field(
        default=None,
        alias="from",
        description="First day that it holds; without it, always.",
        examples=["2026-10-01"],
    )
    ideal_cycle: Maybe[Period] = Field(
        default=None,
        description="Shortest time for one piece of this product.",
        examples=["10s"],
    )
    sam: Maybe[Period] = Field(
        default=None,
        description="Standard allowed time of one piece, over all operations.",
        examples=["37s"],
    )

    @model_validator(mode="after")
    def _says_something(self) -> "ProductConfig":
        if self.ideal_cycle is None and self.sam is None:
            what = _('the key "{key}" is missing').format(key="ideal_cycle")
            raise Wrong("missing-key", what, _("write e.g. ideal_cycle: 10s, or sam: 37s"))
        return self


def _listed(value: object) -> object:
    """A product without dates is written without a list."""
    if value == []:
        what = _("the list is empty")
        raise Wrong("wrong-count", what, _("write e.g. ideal_cycle: 10s, or sam: 37s"))
    return [value] if isinstance(value, dict) else value


def _in_order(terms: Sequence[ProductConfig]) -> Sequence[ProductConfig]:
    """Each after the one before, so that of no day two hold."""
    for number, (before, after) in enumerate(pairwise(terms), 1):
        if after.since is None or (before.since is not None and after.since <= before.since):
            what = _("does not begin after the one before it")
            next_ = _("write them in order, each but the first with its from:")
            raise Wrong("out-of-order", what, next_, at=(number,))
    return terms


class _OneOrMore:
    """In the schema: what stands in the list may stand alone."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's
        listed: dict[str, Any] = handler(core)
        return {"anyOf": [listed["items"], {**listed, "minItems": 1}]}


Products = dict[
    Annotated[str, Field(min_length=1, max_length=64)],
    Annotated[
        tuple[ProductConfig, ...],
        BeforeValidator(_listed),
        AfterValidator(_in_order),
        _OneOrMore(),
    ],
]
"""Product code → what holds for it, in order of time."""
