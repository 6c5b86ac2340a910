"""Certificates of a connection that the gateway makes, to a broker or to a device."""

from pydantic import Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.files import FilePath
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Maybe
from gateway.words import _


class TlsConfig(Part):
    """Certificates for a connection; without `ca` the system's authorities are trusted."""

    model_config = example({"ca": "ca.crt"}, dependentRequired={"cert": ["key"], "key": ["cert"]})

    ca: Maybe[FilePath] = Field(
        default=None,
        description="Authorities that sign the other side's certificate.",
        examples=["ca.crt"],
    )
    cert: Maybe[FilePath] = Field(
        default=None, description="The gateway's own certificate.", examples=["gw-01.crt"]
    )
    key: Maybe[FilePath] = Field(
        default=None, description="Its key, mode 600.", examples=["gw-01.key"]
    )

    @model_validator(mode="after")
    def _pair(self) -> "TlsConfig":
        if (self.cert is None) != (self.key is None):
            given, lacks = ("cert", "key") if self.key is None else ("key", "cert")
            what = _("needs {lacks} beside it").format(lacks=lacks)
            next_ = _("add {lacks}: with the path of its file, or delete {given}").format(
                given=given, lacks=lacks
            )
            raise Wrong("lacks-partner", what, next_, at=(given,))
        return self
