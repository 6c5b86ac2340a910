"""Devices of a site file, and the tags that are read from them."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.model import Kind, Order
from gateway.sitefile.area import AreaConfig
from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.files import in_url
from gateway.sitefile.names import TagName, TemplateName
from gateway.sitefile.opcua import SecurityConfig, SubscriptionConfig, check_server
from gateway.sitefile.part import Part, example, upside_down
from gateway.sitefile.tls import TlsConfig
from gateway.sitefile.units import Duration, Int, Maybe, Number, Period, Scalar, Text, between
from gateway.words import _

DEFAULT_GROUP = "default"
"""The group of tags that name none; its pace is the device's `poll`."""
ENCRYPTED = "modbus+tls"
"""The scheme of links that have certificates."""


def _address(value: object) -> object:
    """Take a bare number as the text that it was: which registers it counts is the driver's to say.

    YAML has taken leading zeros away; a driver whose addresses have so many digits adds them.

    Raises:
        Wrong: `bad-address`, where digits are lost: 00010E00 is ten to YAML.
    """
    if isinstance(value, float):
        what = _("YAML took it for the number {value}").format(value=value)
        raise Wrong("bad-address", what, _("put the address in quotes"))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _digits(value: object) -> object:
    """Give a meter's address its twelve digits back, where YAML took it for a number.

    Raises:
        Wrong: `bad-address`.
    """
    spelled = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if re.fullmatch(r"[0-9]{1,12}", spelled, re.ASCII):
        return spelled.zfill(12)
    what = _("{value} is not the address of a meter").format(value=describe(value))
    next_ = _("write the digits on its plate, twelve at most")
    raise Wrong("bad-address", what, next_)


def _bits(value: object) -> object:
    """Read one bit (`3`) or a range of them (`0-3`) as first and last, from 0."""
    spelled = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", spelled, re.ASCII)
    if match is None:
        raise Wrong(
            "bad-bits",
            _("{value} names no bits of a register").format(value=describe(value)),
            _("write one bit (3) or the first and the last (0-3); bit 0 is the lowest"),
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last <= 63:  # noqa: PLR2004 - the widest kind has 64
        what = _("{value} are no bits of a register").format(value=describe(value))
        raise Wrong("bad-bits", what, _("the lower bit comes first; one register has bits 0 to 15"))
    return first, last


def _link(value: str) -> str:
    """Check that a link is a URL; what follows the scheme is its driver's to judge."""
    try:
        url = urlsplit(value)
    except ValueError:
        url = None
    if url is not None and url.password is not None:
        raise in_url()
    if url is None or not re.match(r"[a-z][a-z0-9+.-]*://.", value):
        shown = _("this") if "@" in value else describe(value)  # it may hold a password
        raise Wrong(
            "bad-link",
            _("{value} is not the URL of a device").format(value=shown),
            _("write scheme and place, e.g. modbus+tcp://10.0.0.5:502 or {line}").format(
                line="modbus+rtu:///dev/ttyUSB0?baud=9600"
            ),
        )
    return value


def _group(value: str) -> str:
    """Keep the name of the group that all other tags are in."""
    if value == DEFAULT_GROUP:
        what = _("default is the group of the tags that name none")
        raise Wrong("bad-name", what, _("give its pace as poll:, or choose another name"))
    return value


Bits = Annotated[
    tuple[int, int],
    BeforeValidator(_bits),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 63},
                {"type": "string", "pattern": "^[0-9]{1,2}(-[0-9]{1,2})?$"},
            ]
        }
    ),
]
Address = Annotated[
    str,
    Field(min_length=1, max_length=1000),
    BeforeValidator(_address),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 1000},
                {"type": "integer", "minimum": 0},
            ]
        }
    ),
]
MeterAddress = Annotated[
    str,
    BeforeValidator(_digits),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[0-9]{1,12}$"},
                {"type": "integer", "minimum": 0, "maximum": 999_999_999_999},
            ]
        }
    ),
]
Link = Annotated[
    str,
    AfterValidator(_link),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9+.-]*://(?![^/]*:[^/]*@)."}),
]
GroupName = Annotated[TagName, AfterValidator(_group)]
Pace = Annotated[Duration, AfterValidator(between("10ms", "1d"))]


class WriteConfig(Part):
    """Permission to write a tag, in its unit; without it a command is refused."""

    min: Maybe[Number] = Field(default=None, description="Lowest value to write.", examples=[0])
    max: Maybe[Number] = Field(default=None, description="Highest value to write.", examples=[200])
    every: Period = Field(
        default=1.0,
        description="At most one write in so long.",
        examples=["5s"],
        json_schema_extra={"default": "1s"},
    )

    @model_validator(mode="after")
    def _ordered(self) -> "WriteConfig":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise upside_down("min", "max", self.min, self.max)
        return self


def _listed(value: object) -> object:
    """One value is written without a list."""
    return value if isinstance(value, list | tuple) else [value]


_ONE = {"type": ["string", "number", "boolean"]}
Expected = Annotated[
    tuple[Scalar, ...],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "maxItems": 16}]}),
]


class TagConfig(Part):
    """One tag of a device, or what the site changes of a template's tag.

    What isn't given is None: the template's value, or else what the address implies, holds.
    """

    model_config = example({"at": "D100", "kind": "u16"})

    at: Maybe[Address] = Field(
        default=None,
        description="Address: the PLC's own (D100, M20), holding:40 from 0, 4x00041 from 1, a "
        "meter's data identifier (00010000), or a node of OPC UA (nsu=urn:maker:cell;s=Parts, "
        "/Objects/nsu=urn:maker:cell;Cell/Parts).",
        examples=["D100"],
    )
    kind: Maybe[Kind] = Field(
        default=None, description="How the raw data is to be read.", examples=["u16"]
    )
    order: Maybe[Order] = Field(
        default=None,
        description="Byte order over the registers; ABCD is big-endian throughout.",
        examples=["CDAB"],
    )
    length: Maybe[Annotated[Int, Field(ge=1, le=125)]] = Field(
        default=None, description="Registers of a string.", examples=[16]
    )
    bits: Maybe[Bits] = Field(
        default=None, description="Bits of a register, 0 the lowest: 3 or 0-3.", examples=["0-3"]
    )
    scale: Maybe[Number] = Field(
        default=None, description="Value = raw × scale + offset.", examples=[0.1]
    )
    offset: Maybe[Number] = Field(
        default=None, description="Value = raw × scale + offset.", examples=[-40]
    )
    unit: Maybe[Annotated[str, Field(min_length=1, max_length=32)]] = Field(
        default=None, description="Unit of the scaled value.", examples=["°C"]
    )
    name: Maybe[Text] = Field(
        default=None,
        description="What people call it.",
        examples=[{"zh": "炉温", "en": "Oven temperature"}],
    )
    deadband: Maybe[Annotated[Number, Field(ge=0)]] = Field(
        default=None,
        description="Change in the value's unit that is worth telling; 0 is any.",
        examples=[0.5],
    )
    group: Maybe[TagName] = Field(
        default=None, description="Group of the device that it is read with.", examples=["slow"]
    )
    low: Maybe[Number] = Field(
        default=None, description="Below this the value is doubtful.", examples=[0]
    )
    high: Maybe[Number] = Field(
        default=None, description="Above this the value is doubtful.", examples=[300]
    )
    expect: Expected = Field(
        default=(),
        max_length=16,
        description="What it reads in the device that is meant, such as its model or serial "
        "number: with anything else nothing of the device is taken.",
        examples=[1234, ["DTSU666"]],
    )
    missing: tuple[Number, ...] = Field(
        default=(),
        max_length=16,
        description="Raw values by which the device says that it has none.",
        examples=[[65535]],
    )
    write: Maybe[WriteConfig] = Field(
        default=None,
        description="Permission to write it; without it commands are refused.",
        examples=[{"min": 0, "max": 200, "every": "5s"}],
    )

    @model_validator(mode="after")
    def _sensible(self) -> "TagConfig":
        if self.scale == 0:
            what = _("a scale of 0 makes every value 0")
            raise Wrong("out-of-range", what, _("write e.g. scale: 0.1"), at=("scale",))
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise upside_down("low", "high", self.low, self.high)
        return self


class DeviceConfig(Part):
    """One device on a link; devices with the same link share it."""

    model_config = example({"link": "modbus+tcp://10.0.0.5:502", "template": "inovance/h5u"})

    link: Link = Field(
        description="URL of the connection or bus.", examples=["modbus+tcp://10.0.0.5:502"]
    )
    unit: Int = Field(
        default=1, ge=0, le=255, description="Modbus unit id (slave address).", examples=[1]
    )
    address: Maybe[MeterAddress] = Field(
        default=None,
        description="Communication address of a DL/T 645 meter, as its plate says; without one "
        "the only meter on the line is asked for it.",
        examples=["202411110002"],
    )
    tls: Maybe[TlsConfig] = Field(
        default=None,
        description="Certificates of a modbus+tls connection.",
        examples=[{"ca": "ca.crt"}],
    )
    template: Maybe[TemplateName] = Field(
        default=None,
        description="Brings the PLC's own addresses, or a meter's tags.",
        examples=["inovance/h5u"],
    )
    parameters: dict[TagName, Scalar] = Field(
        default_factory=dict,
        description="What the template asks for.",
        examples=[{"ct_ratio": 40}],
    )
    areas: tuple[AreaConfig, ...] = Field(
        default=(),
        max_length=64,
        description="The PLC's own addresses where its program decides; instead of the template's "
        "of the same name.",
        examples=[[{"area": "D", "function": "holding", "at": 0, "last": 7999}]],
    )
    poll: Pace = Field(
        default=1.0,
        description="How often it is read; groups may have their own pace.",
        examples=["1s"],
        json_schema_extra={"default": "1s"},
    )
    timeout: Annotated[Duration, AfterValidator(between("10ms", "60s"))] = Field(
        default=0.5,
        description="How long an answer may take.",
        examples=["500ms"],
        json_schema_extra={"default": "500ms"},
    )
    groups: dict[GroupName, Pace] = Field(
        default_factory=dict,
        description="Groups of tags that are read at a pace of their own.",
        examples=[{"slow": "1min"}],
    )
    security: Maybe[SecurityConfig] = Field(
        default=None,
        description="Security of an OPC UA connection.",
        examples=[{"policy": "Basic256Sha256", "mode": "SignAndEncrypt"}],
    )
    mode: Literal["poll", "subscribe"] = Field(
        default="poll",
        description="Ask, or let an OPC UA server tell changes.",
        examples=["subscribe"],
    )
    subscription: Maybe[SubscriptionConfig] = Field(
        default=None,
        description="How the server looks for changes that it tells.",
        examples=[{"sampling": "100ms", "queue": 10}],
    )
    tags: dict[TagName, TagConfig] = Field(
        default_factory=dict,
        description="Tags of the site's own, and changes to the template's.",
        examples=[{"shots": {"at": "D102", "kind": "u32"}}],
    )

    @model_validator(mode="after")
    def _encrypted(self) -> "DeviceConfig":
        is_encrypted = self.link.startswith(f"{ENCRYPTED}:")
        if self.tls is not None and not is_encrypted:
            what = _("{url} is not encrypted, so it has no certificates").format(url=self.link)
            next_ = _("write {scheme}://, or delete tls").format(scheme=ENCRYPTED)
            raise Wrong("contradiction", what, next_, at=("tls",))
        if is_encrypted and "?" in self.link:
            what = _("the certificates of a link don't stand in its URL")
            next_ = _("write tls: {{ca: …, cert: …, key: …}} beside it").format()
            raise Wrong("bad-link", what, next_, at=("link",))
        check_server(self.link, self.security, self.mode, self.subscription)
        return self
