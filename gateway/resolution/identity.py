"""By what a device of a template is known, where nobody has said which it is.

A sign is one thing to be read and what is to be found there; `gateway.commissioning` weighs them.
Where the sources of a register map contradict one another, a variant says what would be otherwise,
in the words of a site file.
"""

from pydantic import Field, model_validator

from gateway.model import Kind, Order
from gateway.resolution.library import Names
from gateway.sitefile.equipment import TagConfig
from gateway.sitefile.explain import Wrong
from gateway.sitefile.names import TagName
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Flag, Number
from gateway.words import _


class Sign(Part):
    """One register, and what it holds in a device of this kind.

    Attributes:
        tag: the template's tag that is read; else `at` with its `kind`, `order` and `scale`.
        low, high: what is found lies between; None: the tag's own plausible range.
        equals: it is one of these.
        unit: it is the number that the device answers to.
        refused: the device says that it has no such register.
        present: it has one, whatever that holds.
    """

    model_config = example({"tag": "frequency"})

    tag: TagName | None = None
    at: str | None = Field(default=None, min_length=1, max_length=200)
    kind: Kind | None = None
    order: Order | None = None
    scale: Number | None = None
    low: Number | None = None
    high: Number | None = None
    equals: tuple[Number, ...] = ()
    unit: Flag = False
    refused: Flag = False
    present: Flag = False

    @model_validator(mode="after")
    def _one(self) -> "Sign":
        if (self.tag is None) is (self.at is None):
            what = _("a sign names a tag, or an address of its own")
            raise Wrong("bad-sign", what, _("write tag: or at:, one of the two"))
        return self


class Variant(Part):
    """The same device where another source is right: what the site file then says of its tags."""

    name: Names
    tags: dict[TagName, TagConfig] = Field(min_length=1)


class Identity(Part):
    """How to recognise a device.

    Attributes:
        vendor, product: how its names begin (Modbus function 43), in any letter case.
        signs: the most telling first.
        variants: by a name for messages.
    """

    vendor: str | None = None
    product: tuple[str, ...] = ()
    signs: tuple[Sign, ...] = ()
    variants: dict[TagName, Variant] = Field(default_factory=dict)
