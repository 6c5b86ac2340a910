"""Where the site file sends its records to."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.equipment import Part, in_url
from gateway.explain import Wrong, describe
from gateway.files import FilePath, SecretFile
from gateway.names import ClientId
from gateway.units import Duration, Period, Rate
from gateway.words import _

Format = Literal["cii", "sparkplug", "thingsboard", "umh", "jetlinks", "huawei", "alink", "mapping"]


def _url(value: str, schemes: tuple[str, ...], example: str) -> str:
    """Check scheme, host and port of a server; refuse a password in it."""
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        url, host = None, None
    if url is not None and (url.username is not None or url.password is not None):
        raise in_url()
    if url is None or not host or url.scheme not in schemes:
        shown = describe(value) if "@" not in value else _("this")
        raise Wrong(
            "bad-url",
            _("{value} is not the URL of such a server").format(value=shown),
            _("write scheme, host and port, e.g. {example}; schemes are {schemes}").format(
                example=example, schemes=", ".join(schemes)
            ),
        )
    return value


def _broker(value: str) -> str:
    return _url(value, ("mqtt", "mqtts", "ws", "wss"), "mqtts://broker:8883")


def _influx(value: str) -> str:
    return _url(value, ("http", "https"), "http://127.0.0.1:8086")


def _version(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) else value


BrokerUrl = Annotated[
    str,
    AfterValidator(_broker),
    WithJsonSchema({"type": "string", "pattern": "^(mqtts?|wss?)://[^/@]+"}),
]
Version = Annotated[
    Literal["5", "3.1.1", "auto"],
    BeforeValidator(_version),
    WithJsonSchema({"enum": [5, "5", "3.1.1", "auto"]}),
]


class TlsConfig(Part):
    """Certificates for a connection; without `ca` the system's authorities are trusted."""

    ca: FilePath | None = Field(default=None, examples=["ca.crt"])
    cert: FilePath | None = Field(default=None, examples=["gw-01.crt"])
    key: FilePath | None = Field(default=None, examples=["gw-01.key"])

    @model_validator(mode="after")
    def _pair(self) -> "TlsConfig":
        if (self.cert is None) != (self.key is None):
            given, lacks = ("cert", "key") if self.key is None else ("key", "cert")
            what = _("{given} without {lacks} proves nothing").format(given=given, lacks=lacks)
            next_ = _("add {lacks}: with the path of its file, or delete {given}").format(
                given=given, lacks=lacks
            )
            raise Wrong("lacks-partner", what, next_, at=(given,))
        return self


class CommandsConfig(Part):
    """Which commands a platform may send; writes are allowed tag by tag."""

    key: SecretFile = Field(examples=[{"file": "command.key"}])
    allow: tuple[Literal["resend", "context", "config"], ...] = Field(
        default=(), examples=[["resend", "context"]]
    )


class MqttPublish(Part):
    """An MQTT broker of a platform."""

    kind: Literal["mqtt"] = Field(examples=["mqtt"])
    url: BrokerUrl | None = Field(default=None, examples=["mqtts://broker:8883"])
    urls: tuple[BrokerUrl, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        examples=[["mqtts://broker-a:8883", "mqtts://broker-b:8883"]],
    )
    format: Format = Field(default="cii", examples=["cii"])
    client_id: ClientId | None = Field(default=None, examples=["gw-01"])
    username: str | None = Field(default=None, min_length=1, examples=["gw-01"])
    password: SecretFile | None = Field(default=None, examples=[{"file": "mqtt.password"}])
    tls: TlsConfig | None = Field(default=None, examples=[{"ca": "ca.crt"}])
    version: Version = Field(default="5", examples=["5"])
    heartbeat: Period = Field(
        default=300.0, examples=["5min"], json_schema_extra={"default": "5min"}
    )
    backlog: Rate = Field(
        default=500.0, examples=["500 records/s"], json_schema_extra={"default": "500 records/s"}
    )
    spread: Duration = Field(default=60.0, examples=["60s"], json_schema_extra={"default": "60s"})
    commands: CommandsConfig | None = None

    @property
    def brokers(self) -> tuple[str, ...]:
        """The URLs to try, in order."""
        return self.urls or ((self.url,) if self.url else ())

    @model_validator(mode="after")
    def _agrees(self) -> "MqttPublish":
        if (self.url is None) == (self.urls is None):
            next_ = _("write url: for one broker, or urls: for several to try in turn")
            if self.url is not None:
                what = _("url and urls are both given")
                raise Wrong("contradiction", what, next_, at=("urls",))
            raise Wrong("one-of", _("neither url nor urls is given"), next_)
        plain = [url for url in self.brokers if url.startswith(("mqtt:", "ws:"))]
        if self.tls is not None and plain:
            what = _("certificates are given, but {url} is not encrypted").format(url=plain[0])
            raise Wrong("contradiction", what, _("write mqtts://, or delete tls"), at=("tls",))
        if self.password is not None and self.username is None:
            what = _("a password without a user name")
            next_ = _("add username:, or delete the password")
            raise Wrong("lacks-partner", what, next_, at=("password",))
        return self


class InfluxPublish(Part):
    """An InfluxDB, or what speaks its v2 interface."""

    kind: Literal["influx"] = Field(examples=["influx"])
    url: Annotated[
        str,
        AfterValidator(_influx),
        WithJsonSchema({"type": "string", "pattern": "^https?://[^/@]+"}),
    ] = Field(examples=["http://127.0.0.1:8086"])
    org: str = Field(min_length=1, examples=["plant"])
    bucket: str = Field(min_length=1, examples=["nxgate"])
    token: SecretFile = Field(examples=[{"file": "influx.token"}])
