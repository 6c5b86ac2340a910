"""What a platform with words of its own needs to know the gateway and its assets by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.files import SecretFile  # noqa: TC001 - pydantic reads these hints
from gateway.sitefile.names import Name  # noqa: TC001
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Maybe  # noqa: TC001
from gateway.words import _

if TYPE_CHECKING:
    from gateway.sitefile.destination import MqttPublish

_ID = re.compile(r"[^+#/&|\x00-\x20\x7f]{1,128}")
NEEDS: dict[str, tuple[str, ...]] = {
    "jetlinks": ("product", "secure_id", "secret"),
    "huawei": ("secret",),
    "alink": ("product", "secret"),
}
"""Keys of `platform` that a format can't do without."""
OTHERS = frozenset({"thingsboard", "umh", *NEEDS, "mapping"})


def _id(value: str) -> str:
    """Check an id that becomes a part of topics and logins."""
    if _ID.fullmatch(value):
        return value
    what = _("{value} can't be an id at a platform").format(value=describe(value))
    raise Wrong("bad-name", what, _("copy it from the platform's console: no spaces, no + # / & |"))


PlatformId = Annotated[
    str,
    AfterValidator(_id),
    WithJsonSchema({"type": "string", "pattern": "^[^+#/&| ]{1,128}$"}),
]


class ChildConfig(Part):
    """What the platform knows an asset by."""

    model_config = example({"device": "PRESS-01"})

    device: Maybe[PlatformId] = Field(
        default=None, description="Its id there; else the asset's name.", examples=["PRESS-01"]
    )
    product: Maybe[PlatformId] = Field(
        default=None, description="Product that the device is of.", examples=["a1SUB"]
    )
    secret: Maybe[SecretFile] = Field(
        default=None,
        description="File of the device's secret, mode 600.",
        examples=[{"file": "press-1.secret"}],
    )


class PlatformConfig(Part):
    """What the platform knows the gateway by, and its assets."""

    model_config = example({"product": "a1GATEWAY", "secret": {"file": "gw-01.secret"}})

    device: Maybe[PlatformId] = Field(
        default=None, description="The gateway's device id; else its name.", examples=["gw-01"]
    )
    product: Maybe[PlatformId] = Field(
        default=None, description="Product that the gateway is of.", examples=["a1GATEWAY"]
    )
    secret: Maybe[SecretFile] = Field(
        default=None,
        description="File of the secret that logins are signed with, mode 600.",
        examples=[{"file": "gw-01.secret"}],
    )
    secure_id: Maybe[PlatformId] = Field(
        default=None, description="JetLinks' secureId.", examples=["gw-01"]
    )
    service: Maybe[PlatformId] = Field(
        default=None,
        description="Huawei's service that holds the properties; else machine.",
        examples=["machine"],
    )
    contract: Maybe[Literal["_raw", "_historian"]] = Field(
        default=None,
        description="UMH: _raw is one topic a tag, _historian one topic an asset.",
        examples=["_raw"],
    )
    children: dict[Name, ChildConfig] = Field(
        default_factory=dict,
        description="Assets that have other names at the platform.",
        examples=[{"press-1": {"device": "PRESS-01"}}],
    )


def suits(publish: MqttPublish) -> None:
    """Check that a section has what its format needs, and nothing of another's.

    Raises:
        Wrong: `contradiction`, `missing-key`.
    """
    form = publish.format
    if publish.platform is not None and form not in {"umh", *NEEDS}:
        what = _("the format {format} has no use for it").format(format=form)
        raise Wrong("contradiction", what, _("delete it, or correct format"), at=("platform",))
    _suits_mapping(publish)
    _suits_login(publish)
    if form in OTHERS and publish.commands is not None and not publish.commands.unsigned:
        what = _("what this platform asks comes without a signature")
        next_ = _("write unsigned: true, and let the broker say who may command")
        raise Wrong("contradiction", what, next_, at=("commands",))


def _suits_mapping(publish: MqttPublish) -> None:
    form = publish.format
    if publish.mapping is not None and form != "mapping":
        what = _("belongs to format: mapping, not {format}").format(format=form)
        raise Wrong("contradiction", what, _("delete it, or write format: mapping"), ("mapping",))
    if publish.mapping is None and form == "mapping":
        what = _("the format mapping needs a mapping file")
        raise Wrong("missing-key", what, _("add mapping: and the path of its file"))
    if form == "mapping" and publish.commands is not None:
        what = _("a mapping file says what is sent, and no command comes back")
        raise Wrong("contradiction", what, _("delete it"), at=("commands",))


def _suits_login(publish: MqttPublish) -> None:
    form, platform = publish.format, publish.platform
    if form == "thingsboard" and publish.username is None:
        what = _("ThingsBoard knows a gateway by its access token")
        raise Wrong("missing-key", what, _("add username: with the token of the gateway's device"))
    for key in NEEDS.get(form, ()):
        if platform is None or getattr(platform, key) is None:
            what = _("the format {format} needs platform.{key}").format(format=form, key=key)
            next_ = _("add it below platform:, as the platform's console shows it")
            raise Wrong("missing-key", what, next_)
    if form in NEEDS and publish.username is not None:
        what = _("the format {format} works out user name and password from the secret")
        next_ = _("delete it, and its password")
        raise Wrong("contradiction", what.format(format=form), next_, at=("username",))
    children = platform.children if platform is not None and form == "alink" else {}
    for name, child in children.items():
        for key in ("product", "secret"):
            if getattr(child, key) is None:
                what = _("a sub-device of Alink logs in with product and secret")
                next_ = _("add {key}:, as the platform's console shows it").format(key=key)
                raise Wrong("missing-key", what, next_, at=("platform", "children", name))
