"""Devices and assets of a site file: what is read, and which machine it belongs to."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.explain import Wrong, describe
from gateway.files import SecretFile
from gateway.model import Kind, Order
from gateway.names import Name, Reference, TagName
from gateway.units import Duration, Flag, Int, Number, Period, Text, between
from gateway.words import _


class Part(BaseModel):
    """A part of the site file: frozen, and no key in it that isn't known."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


def _bits(value: object) -> object:
    """Read one bit (`3`) or a range of them (`"0-3"`) as first and last, from 0."""
    if isinstance(value, int) and not isinstance(value, bool):
        first = last = value
    else:
        match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", value) if isinstance(value, str) else None
        if match is None:
            raise Wrong(
                "bad-bits",
                _("{value} names no bits of a register").format(value=describe(value)),
                _("write one bit (3) or the first and the last (0-3); bit 0 is the lowest"),
            )
        first, last = int(match[1]), int(match[2])
    if not 0 <= first <= last <= 63:  # noqa: PLR2004 - the widest kind has 64
        what = _("bits {first}-{last} are not in a register").format(first=first, last=last)
        raise Wrong("bad-bits", what, _("count from 0, the lowest first, up to 15 in one register"))
    return first, last


def _link(value: str) -> str:
    """Check that a link is a URL; what follows the scheme is its driver's to judge."""
    try:
        url = urlsplit(value)
        named = url.netloc or url.path
    except ValueError:
        named = ""
        url = None
    if url is None or not re.match(r"[a-z][a-z0-9+.-]*://", value) or not named:
        raise Wrong(
            "bad-link",
            _("{value} is not the URL of a device").format(value=describe(_hidden(value))),
            _("write scheme, host and port: modbus+tcp://10.0.0.5:502"),
        )
    if url.password is not None:
        raise in_url()
    return value


def in_url() -> Wrong:
    """Refuse a URL with a user and a password in it, which must not be repeated."""
    return Wrong(
        "secret-in-clear",
        _("the URL holds a password, where everyone who gets a copy of the file reads it"),
        _("take it out of the URL and put it into a file of its own (chmod 600)"),
    )


def _hidden(url: str) -> str:
    """Leave out what stands before an @, which may be a password."""
    return re.sub(r"//.*@", "//…@", url)


Bits = Annotated[
    tuple[int, int],
    BeforeValidator(_bits),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 63},
                {"type": "string", "pattern": "^[0-9]{1,2}-[0-9]{1,2}$"},
            ]
        }
    ),
]
Link = Annotated[
    str,
    AfterValidator(_link),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9+.-]*://.+"}),
]
Scalar = str | Number | Flag


class WriteConfig(Part):
    """Permission to write a tag, in its unit; without it a command is refused."""

    min: Number | None = None
    max: Number | None = None
    every: Period = Field(
        default=1.0, examples=["5s"], json_schema_extra={"default": "1s"}, description="pace"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "WriteConfig":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise upside_down("min", "max", self.min, self.max)
        return self


def upside_down(low: str, high: str, least: object, most: object) -> Wrong:
    """Refuse a range whose ends are exchanged."""
    what = _("{low} ({least}) is above {high} ({most})").format(
        low=low, high=high, least=least, most=most
    )
    return Wrong("upside-down", what, _("exchange the two"), at=(low,))


class TagConfig(Part):
    """One tag of a device, or what the site changes of a template's tag.

    What isn't given is None: the template's value, or else what the address implies, holds.
    `model_fields_set` tells the two apart.
    """

    at: str | None = Field(default=None, min_length=1, max_length=200, examples=["D100"])
    kind: Kind | None = Field(default=None, examples=["u16"])
    order: Order | None = Field(default=None, examples=["CDAB"])
    length: Int | None = Field(default=None, ge=1, le=125, examples=[16])
    bits: Bits | None = Field(default=None, examples=["0-3"])
    scale: Number | None = Field(default=None, examples=[0.1])
    offset: Number | None = Field(default=None, examples=[-40])
    unit: str | None = Field(default=None, min_length=1, max_length=32, examples=["°C"])
    name: Text | None = Field(default=None, examples=[{"zh": "炉温", "en": "Oven temperature"}])
    deadband: Number | None = Field(default=None, ge=0, examples=[0.5])
    group: TagName | None = Field(default=None, examples=["slow"])
    low: Number | None = Field(default=None, examples=[0])
    high: Number | None = Field(default=None, examples=[300])
    missing: tuple[Number, ...] = Field(default=(), max_length=16, examples=[[65535]])
    write: WriteConfig | None = Field(
        default=None, examples=[{"min": 0, "max": 200, "every": "5s"}]
    )

    @model_validator(mode="after")
    def _sensible(self) -> "TagConfig":
        if self.scale == 0:
            what = _("a scale of 0 makes every value 0")
            raise Wrong("out-of-range", what, _("write e.g. scale: 0.1"), at=("scale",))
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise upside_down("low", "high", self.low, self.high)
        return self


class SecurityConfig(Part):
    """How an OPC UA connection is secured; None only where it is written out."""

    policy: Literal["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "None"] = (
        Field(default="Basic256Sha256", examples=["Basic256Sha256"])
    )
    mode: Literal["SignAndEncrypt", "Sign", "None"] = Field(
        default="SignAndEncrypt", examples=["SignAndEncrypt"]
    )
    user: str | None = Field(default=None, min_length=1, examples=["nxgate"])
    password: SecretFile | None = Field(default=None, examples=[{"file": "opc.password"}])


class DeviceConfig(Part):
    """One device on a link; devices with the same link share it."""

    link: Link = Field(examples=["modbus+tcp://10.0.0.5:502"])
    unit: Int = Field(default=1, ge=0, le=255, examples=[1])
    template: str | None = Field(
        default=None, pattern=r"^[a-z0-9_-]+/[a-z0-9_-]+$", examples=["inovance/h5u"]
    )
    parameters: dict[TagName, Scalar] = Field(default_factory=dict, examples=[{"ct_ratio": 40}])
    poll: Annotated[Duration, AfterValidator(between("10ms", "1d"))] = Field(
        default=1.0, examples=["1s"], json_schema_extra={"default": "1s"}
    )
    timeout: Annotated[Duration, AfterValidator(between("10ms", "60s"))] = Field(
        default=0.5, examples=["500ms"], json_schema_extra={"default": "500ms"}
    )
    groups: dict[TagName, Annotated[Duration, AfterValidator(between("10ms", "1d"))]] = Field(
        default_factory=dict, examples=[{"slow": "1min"}]
    )
    security: SecurityConfig | None = None
    mode: Literal["poll", "subscribe"] = Field(default="poll", examples=["subscribe"])
    tags: dict[TagName, TagConfig] = Field(
        default_factory=dict, examples=[{"shots": {"at": "D102", "kind": "u32"}}]
    )


class ProductConfig(Part):
    """What differs for one product."""

    ideal_cycle: Period = Field(examples=["10s"])


class AlarmConfig(Part):
    """An alarm on a number: raised beyond a limit, cleared once it is back behind `clear`."""

    on: TagName = Field(examples=["oven_temp"])
    above: Number | None = Field(default=None, examples=[185])
    below: Number | None = Field(default=None, examples=[5])
    clear: Number | None = Field(default=None, examples=[180])
    severity: Int = Field(default=3, ge=1, le=4, examples=[2])

    @model_validator(mode="after")
    def _one_limit(self) -> "AlarmConfig":
        if (self.above is None) == (self.below is None):
            what = _("an alarm needs one limit, above or below")
            next_ = _("write one of the two; two limits are two alarms")
            raise Wrong("one-of", what, next_)
        if self.clear is not None and self.above is not None and self.clear > self.above:
            raise upside_down("clear", "above", self.clear, self.above)
        if self.clear is not None and self.below is not None and self.clear < self.below:
            raise upside_down("below", "clear", self.below, self.clear)
        return self


def _word(value: str) -> str:
    """Spell a raw word as a register gives it: `0x10` is `16`, `true` is `1`."""
    if re.fullmatch(r"0x[0-9a-fA-F]{1,8}", value):
        return str(int(value, 16))
    return {"true": "1", "false": "0"}.get(value.lower(), value)


class AssetConfig(Part):
    """A machine, and which tags tell of it."""

    name: Text | None = Field(default=None, examples=[{"zh": "1号注塑机", "en": "Injection 1"}])
    line: Name = Field(default="main", examples=["sole-line"])
    type: str | None = Field(default=None, min_length=1, examples=["rotary-injection"])
    bind: dict[TagName, Reference] = Field(
        default_factory=dict, examples=[{"state": "plc-1.run_state", "count": "plc-1.shots"}]
    )
    states: dict[
        Annotated[str, AfterValidator(_word)],
        Literal["running", "setup", "waiting", "fault", "idle", "planned_stop", "unknown"],
    ] = Field(default_factory=dict, examples=[{"1": "running", "0": "idle"}])
    ideal_cycle: Period | None = Field(default=None, examples=["12s"])
    products: dict[Annotated[str, Field(min_length=1, max_length=64)], ProductConfig] = Field(
        default_factory=dict, examples=[{"A17": {"ideal_cycle": "10s"}}]
    )
    micro_stop: Duration | None = Field(default=None, examples=["2min"])
    alarms: dict[TagName, AlarmConfig] = Field(
        default_factory=dict,
        examples=[{"oven_hot": {"on": "oven_temp", "above": 185, "clear": 180}}],
    )
    parameters: dict[TagName, Scalar] = Field(default_factory=dict, examples=[{"stations": 24}])


class InventoryItem(Part):
    """A machine of the factory that isn't connected, so that rates have their denominator."""

    type: str = Field(min_length=1, examples=["press"])
    digital: Flag = Field(default=False, examples=[False])
    name: Text | None = Field(default=None, examples=[{"zh": "9号压机", "en": "Press 9"}])
    line: Name = Field(default="main", examples=["sole-line"])
