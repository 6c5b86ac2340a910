"""Names that become topic levels, keys and file paths, so they hold no character of either.

Lines and assets that begin with `_` are the gateway's own (`_gw`, `_dev`, `_line`, `_site`).
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Strict, WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.words import _

MAX = 64
"""Characters; four levels and a class stay far below the 200 bytes some brokers allow."""

_LEVEL = re.compile(r"[a-z0-9][a-z0-9-]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TAG = re.compile(r"[a-z][a-z0-9_]*")
_CLIENT = re.compile(r"[A-Za-z0-9_.:-]+")
_TEMPLATE = re.compile(rf"{_NAME.pattern}/{_NAME.pattern}")
_OWN = re.compile(r"\./(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.yaml")
"""A file of one's own: a path from the site file's folder down, never above it."""
_REFERENCE = re.compile(rf"({_NAME.pattern})\.({_TAG.pattern})")
_WATCHED = re.compile(rf"(({_NAME.pattern})\.)?({_TAG.pattern})")


def level(value: str) -> str:
    """Check a level of the topic: cluster, enterprise, site, gateway.

    Raises:
        Wrong: `bad-name`.
    """
    if _LEVEL.fullmatch(value) and len(value) <= MAX:
        return value
    rule = _("small letters, digits and -, at most {n}").format(n=MAX)
    raise _bad_name(value, rule, _slug(value, "-"))


def name(value: str) -> str:
    """Check the name of a line, an asset, a device, a publisher, a shift.

    Raises:
        Wrong: `bad-name`.
    """
    if _NAME.fullmatch(value) and len(value) <= MAX:
        return value
    if value.startswith("_"):
        what = _("{value} begins with _, as only the gateway's own names do").format(
            value=describe(value)
        )
        next_ = _("write e.g. {name}").format(name=_slug(value, "-") or "line-1")
        raise Wrong("bad-name", what, next_)
    rule = _("small letters, digits, - and _, at most {n}").format(n=MAX)
    raise _bad_name(value, rule, _slug(value, "-"))


def tag_name(value: str) -> str:
    """Check the name of a tag, a signal, a group or a parameter.

    Raises:
        Wrong: `bad-name`.
    """
    if _TAG.fullmatch(value) and len(value) <= MAX:
        return value
    rule = _("small letters, digits and _, a letter first, at most {n}").format(n=MAX)
    slug = _slug(value, "_").lstrip("_0123456789")
    raise _bad_name(value, rule, slug)


def client_id(value: str) -> str:
    """Check an MQTT client id.

    Raises:
        Wrong: `bad-name`.
    """
    if _CLIENT.fullmatch(value) and len(value) <= 128:  # noqa: PLR2004 - what brokers take
        return value
    raise _bad_name(value, _("letters, digits, _ . : and -, at most {n}").format(n=128), "")


def reference(value: str) -> str:
    """Check `device.tag`.

    Raises:
        Wrong: `bad-reference`.
    """
    if _REFERENCE.fullmatch(value):
        return value
    raise Wrong(
        "bad-reference",
        _("{value} does not name a tag of a device").format(value=describe(value)),
        _("write the device's name, a dot and the tag's name, e.g. plc-1.shots"),
    )


def watched(value: str) -> str:
    """Check the name of a tag or signal, or `device.tag`.

    Raises:
        Wrong: `bad-name`, `bad-reference`.
    """
    return reference(value) if "." in value else tag_name(value)


def template_name(value: str) -> str:
    """Check `vendor/model` or `./own.yaml`; nothing else may become part of a path.

    Raises:
        Wrong: `bad-template`.
    """
    if (_TEMPLATE.fullmatch(value) or _OWN.fullmatch(value)) and len(value) <= 2 * MAX:
        return value
    raise Wrong(
        "bad-template",
        _("{value} is not the name of a template").format(value=describe(value)),
        _("write vendor/model, e.g. inovance/h5u, or ./press.yaml for a file of your own"),
    )


def industry_name(value: str) -> str:
    """Check the name of a profile, or `./own.yaml`.

    Raises:
        Wrong: `bad-name`.
    """
    return value if _OWN.fullmatch(value) and len(value) <= 2 * MAX else name(value)


def _bad_name(value: str, rule: str, slug: str) -> Wrong:
    what = _("{value} can't be a name here").format(value=describe(value))
    if slug:
        next_ = _("use {rule}, e.g. {name}").format(rule=rule, name=slug[:MAX])
    else:
        next_ = _("use {rule}").format(rule=rule)
    return Wrong("bad-name", what, next_)


def _slug(value: str, join: str) -> str:
    plain = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", join, plain).strip(join)


def _or_own(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"({pattern.pattern}|{_OWN.pattern})")


def _schema(pattern: re.Pattern[str], longest: int = MAX) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": f"^{pattern.pattern}$", "maxLength": longest}
    )


Level = Annotated[str, Strict(), AfterValidator(level), _schema(_LEVEL)]
Name = Annotated[str, Strict(), AfterValidator(name), _schema(_NAME)]
TagName = Annotated[str, Strict(), AfterValidator(tag_name), _schema(_TAG)]
ClientId = Annotated[str, Strict(), AfterValidator(client_id), _schema(_CLIENT, 128)]
IndustryName = Annotated[
    str, Strict(), AfterValidator(industry_name), _schema(_or_own(_NAME), 2 * MAX)
]
TemplateName = Annotated[
    str, Strict(), AfterValidator(template_name), _schema(_or_own(_TEMPLATE), 2 * MAX)
]
Reference = Annotated[str, Strict(), AfterValidator(reference), _schema(_REFERENCE, 2 * MAX + 1)]
Watched = Annotated[
    str,
    Strict(),
    AfterValidator(watched),
    _schema(_WATCHED, 2 * MAX + 1),
]
"""A signal or tag by its name, or `device.tag`."""
