"""Where the site file sends its records to."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.files import FilePath, SecretFile, in_url
from gateway.sitefile.names import ClientId
from gateway.sitefile.part import Part, example
from gateway.sitefile.platform import PlatformConfig, suits
from gateway.sitefile.sparkplug import SparkplugConfig
from gateway.sitefile.tls import TlsConfig
from gateway.sitefile.units import Duration, Flag, Maybe, Rate, between
from gateway.words import _

Format = Literal["cii", "sparkplug", "thingsboard", "umh", "jetlinks", "huawei", "alink", "mapping"]


def _url(value: str, schemes: tuple[str, ...], example: str) -> str:
    """Check scheme, host and port of a server; refuse a password in it."""
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        url, host = None, None
    if "@" in value:
        raise in_url()
    if url is None or not host or url.scheme not in schemes:
        raise Wrong(
            "bad-url",
            _("{value} is not the URL of such a server").format(value=describe(value)),
            _("write e.g. {example}; it begins with {schemes}").format(
                example=example, schemes=", ".join(f"{scheme}://" for scheme in schemes)
            ),
        )
    return value


def _broker(value: str) -> str:
    url = _url(value, ("mqtt", "mqtts", "ws", "wss"), "mqtts://broker:8883")
    parts = urlsplit(url)
    if value.startswith("mqtt") and (parts.path not in ("", "/") or parts.query):
        what = _("an MQTT broker's URL ends with its port")
        raise Wrong("bad-url", what, _("delete what follows; topics come from the site section"))
    return url


def _influx(value: str) -> str:
    return _url(value, ("http", "https"), "http://127.0.0.1:8086")


def _version(value: object) -> object:
    """Take `5` for text: YAML reads it as a number, and `3.1.1` not."""
    return str(value) if isinstance(value, (int, float)) else value


BrokerUrl = Annotated[
    str,
    AfterValidator(_broker),
    WithJsonSchema({"type": "string", "pattern": "^(mqtts?|wss?)://[^@]+$"}),
]
InfluxUrl = Annotated[
    str,
    AfterValidator(_influx),
    WithJsonSchema({"type": "string", "pattern": "^https?://[^@]+$"}),
]
Version = Annotated[
    Literal["5", "3.1.1", "auto"],
    BeforeValidator(_version),
    WithJsonSchema({"enum": [5, "5", "3.1.1", "auto"]}),
]
Word = Annotated[str, Field(min_length=1)]


class CommandsConfig(Part):
    """Which commands a platform may send; writes are allowed tag by tag."""

    model_config = example({"key": {"file": "command.key"}, "allow": ["resend", "context"]})

    key: Maybe[SecretFile] = Field(
        default=None,
        description="File of the key that commands are signed with, mode 600; one key a line.",
        examples=[{"file": "command.key"}],
    )
    allow: tuple[Literal["resend", "context", "config", "ack"], ...] = Field(
        default=(), description="Commands beside writes.", examples=[["resend", "context"]]
    )
    unsigned: Flag = Field(
        default=False,
        description="Take commands without a signature: whoever may publish may command.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _proven(self) -> "CommandsConfig":
        if self.key is None and not self.unsigned:
            what = _("nothing says how to know who sends a command")
            next_ = _(
                "add key: {{file: command.key}} with a key that the platform has too"
            ).format()
            raise Wrong("missing-key", what, next_)
        return self


class MqttPublish(Part):
    """An MQTT broker of a platform."""

    model_config = example(
        {"kind": "mqtt", "url": "mqtts://broker:8883"},
        oneOf=[{"required": ["url"]}, {"required": ["urls"]}],
        dependentRequired={"password": ["username"]},
    )

    kind: Literal["mqtt"] = Field(description="What the server speaks.", examples=["mqtt"])
    url: Maybe[BrokerUrl] = Field(
        default=None, description="The broker.", examples=["mqtts://broker:8883"]
    )
    urls: Maybe[tuple[BrokerUrl, ...]] = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Several brokers, to be tried in turn.",
        examples=[["mqtts://broker-a:8883", "mqtts://broker-b:8883"]],
    )
    format: Format = Field(
        default="cii", description="cii is the canonical contract.", examples=["cii"]
    )
    client_id: Maybe[ClientId] = Field(
        default=None,
        description="Client id that the platform prescribes; else the gateway makes its own.",
        examples=["gw-01"],
    )
    username: Maybe[Word] = Field(
        default=None, description="User name at the broker.", examples=["gw-01"]
    )
    password: Maybe[SecretFile] = Field(
        default=None,
        description="File that holds the password, mode 600.",
        examples=[{"file": "mqtt.password"}],
    )
    tls: Maybe[TlsConfig] = Field(
        default=None, description="Certificates for mqtts://.", examples=[{"ca": "ca.crt"}]
    )
    version: Version = Field(
        default="5",
        description="MQTT version; auto falls back to 3.1.1, where denials can't be seen.",
        examples=["5"],
    )
    heartbeat: Annotated[Duration, AfterValidator(between("1s", "1d"))] = Field(
        default=300.0,
        description="A value that doesn't change is told again after so long.",
        examples=["5min"],
        json_schema_extra={"default": "5min"},
    )
    backlog: Rate = Field(
        default=500.0,
        description="How fast stored records are sent beside live ones.",
        examples=["500 records/s"],
        json_schema_extra={"default": "500 records/s"},
    )
    spread: Annotated[Duration, AfterValidator(between("0s", "1h"))] = Field(
        default=60.0,
        description="Random wait before that, so that many gateways don't come at once.",
        examples=["60s"],
        json_schema_extra={"default": "60s"},
    )
    commands: Maybe[CommandsConfig] = Field(
        default=None,
        description="Commands that are taken from the platform; none without this.",
        examples=[{"key": {"file": "command.key"}, "allow": ["resend"]}],
    )

    sparkplug: Maybe[SparkplugConfig] = Field(
        default=None,
        description="What the format sparkplug leaves open.",
        examples=[{"primary_host": "scada"}],
    )
    platform: Maybe[PlatformConfig] = Field(
        default=None,
        description="What umh, jetlinks, huawei and alink know the gateway and its assets by.",
        examples=[{"product": "a1GATEWAY", "secret": {"file": "gw-01.secret"}}],
    )
    mapping: Maybe[FilePath] = Field(
        default=None,
        description="The mapping file of the format mapping.",
        examples=["platform.yaml"],
    )

    @property
    def brokers(self) -> tuple[str, ...]:
        """The URLs to try, in order."""
        return self.urls or ((self.url,) if self.url else ())

    @model_validator(mode="after")
    def _agrees(self) -> "MqttPublish":
        next_ = _("write url: for one broker, or urls: for several to try in turn")
        if self.url is not None and self.urls is not None:
            raise Wrong("contradiction", _("url is given too"), next_, at=("urls",))
        if not self.brokers:
            raise Wrong("one-of", _("neither url nor urls is given"), next_)
        plain = [url for url in self.brokers if url.startswith(("mqtt:", "ws:"))]
        if self.tls is not None and plain:
            what = _("{url} is not encrypted, so it has no certificates").format(url=plain[0])
            raise Wrong("contradiction", what, _("write mqtts://, or delete tls"), at=("tls",))
        if self.password is not None and self.username is None:
            what = _("needs username beside it")
            next_ = _("add username:, or delete the password")
            raise Wrong("lacks-partner", what, next_, at=("password",))
        self._suits_sparkplug()
        suits(self)
        return self

    def _suits_sparkplug(self) -> None:
        if self.sparkplug is not None and self.format != "sparkplug":
            what = _("belongs to format: sparkplug, not {format}").format(format=self.format)
            raise Wrong(
                "contradiction", what, _("delete it, or write format: sparkplug"), at=("sparkplug",)
            )
        if self.format == "sparkplug" and self.commands is not None and not self.commands.unsigned:
            what = _("commands of Sparkplug come without a signature")
            next_ = _("write unsigned: true, and let the broker say who may command")
            raise Wrong("contradiction", what, next_, at=("commands",))


class InfluxPublish(Part):
    """An InfluxDB, or what speaks its v2 interface."""

    kind: Literal["influx"] = Field(description="What the server speaks.", examples=["influx"])
    url: InfluxUrl = Field(description="The server.", examples=["http://127.0.0.1:8086"])
    org: Word = Field(description="Organisation that the bucket is in.", examples=["plant"])
    bucket: Word = Field(description="Bucket to write to.", examples=["nxgate"])
    token: SecretFile = Field(
        description="File that holds the token, mode 600.", examples=[{"file": "influx.token"}]
    )
    tls: Maybe[TlsConfig] = Field(
        default=None, description="Certificates for https://.", examples=[{"ca": "ca.crt"}]
    )
    backlog: Rate = Field(
        default=2000.0,
        description="How fast stored records are written beside live ones.",
        examples=["2000 records/s"],
        json_schema_extra={"default": "2000 records/s"},
    )

    @model_validator(mode="after")
    def _agrees(self) -> "InfluxPublish":
        if self.tls is not None and not self.url.startswith("https:"):
            what = _("{url} is not encrypted, so it has no certificates").format(url=self.url)
            raise Wrong("contradiction", what, _("write https://, or delete tls"), at=("tls",))
        return self
