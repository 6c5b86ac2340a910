"""A run of a PLC's own addresses, and where it lies among the Modbus registers.

Templates bring those that a family always has; where a PLC's programmer decides (the data block
behind MB_HOLD_REG, HoldStart, a device assignment), the site file states them.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.model import Kind, Order
from gateway.sitefile.explain import Wrong
from gateway.sitefile.part import Part, example, upside_down
from gateway.sitefile.units import Int, Maybe
from gateway.words import _

BITS = 8


class AreaConfig(Part):
    """A run of a PLC's own addresses: element `first` lies at Modbus address `at`."""

    model_config = example({"area": "D", "function": "holding", "at": 0, "last": 7999})

    area: Annotated[str, Field(min_length=1)] = Field(
        description="What stands before the number.", examples=["D"]
    )
    counts: Literal["elements", "bytes"] = Field(
        default="elements",
        description="What the number counts; bytes as in VW100, DB10.DBD4 or I0.3.",
        examples=["bytes"],
    )
    base: Literal[8, 10, 16] = Field(
        default=10,
        description="How the number is written: octal, decimal, hexadecimal.",
        examples=[8],
    )
    function: Literal["coil", "discrete", "input", "holding"] = Field(
        description="The Modbus table it lies in.", examples=["holding"]
    )
    at: Int = Field(
        ge=0, le=65535, description="Modbus address of the first one, from 0.", examples=[0]
    )
    first: Int = Field(default=0, ge=0, description="First number, in decimal.", examples=[0])
    last: Int = Field(ge=0, description="Last number, in decimal.", examples=[7999])
    stride: Int = Field(
        default=1, ge=1, description="Modbus addresses from one to the next.", examples=[2]
    )
    kind: Maybe[Kind] = Field(
        default=None,
        description="What one holds unless a tag says otherwise: bit or u16 where it isn't given.",
        examples=["u32"],
    )
    order: Maybe[Order] = Field(
        default=None, description="Word order of numbers over several registers.", examples=["CDAB"]
    )

    @model_validator(mode="after")
    def _sensible(self) -> "AreaConfig":
        if self.first > self.last:
            raise upside_down("first", "last", self.first, self.last)
        if self.counts == "bytes" and (self.base != 10 or self.stride != 1):  # noqa: PLR2004
            key = "base" if self.base != 10 else "stride"  # noqa: PLR2004
            what = _("bytes are counted one by one, in decimal")
            raise Wrong("bad-area", what, _("leave out {key}").format(key=key), at=(key,))
        if self.at + self._reach > 0xFFFF:  # noqa: PLR2004
            what = _("the area reaches beyond address 65535")
            raise Wrong("address-range", what, _("check at, first, last and stride"), at=("last",))
        return self

    @property
    def _reach(self) -> int:
        """Modbus addresses from the first to the last."""
        steps = self.last - self.first
        if self.counts == "elements":
            return steps * self.stride
        return steps // 2 if self.function in {"holding", "input"} else steps * BITS + BITS - 1
