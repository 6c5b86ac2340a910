"""What a site file names elsewhere: its industry, its devices' templates, its assets' types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.resolution.device_template import load_template
from gateway.resolution.industry import COMMON, UNTYPED, load_profile
from gateway.resolution.library import PROFILES, TEMPLATES
from gateway.sitefile.document import instead
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import Fault
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.resolution.industry import Industry
    from gateway.resolution.profile import MachineType
    from gateway.sitefile.sections import Site


def duplicates(site: Site) -> Iterator[Fault]:
    """Devices and assets share one namespace, because a device's unbound tags are an asset.

    So is the gateway itself.
    """
    for section in ("devices", "assets"):
        if site.site.gateway in getattr(site, section):
            what = _("the gateway itself has the same name")
            next_ = _("rename it; what the gateway tells of itself goes out under its name")
            path = (section, site.site.gateway)
            yield site.document.fault(path, "duplicate-name", what, next_, key=True)
    for name in site.assets:
        if name in site.devices:
            what = _("a device has the same name")
            next_ = _("rename one of the two; the tags that no asset binds go out under it")
            yield site.document.fault(("assets", name), "duplicate-name", what, next_, key=True)


def industry(site: Site, *, always: bool = False) -> tuple[Industry | None, list[Fault]]:
    """Load the profile with the site's extensions.

    Args:
        site: the site file.
        always: where the site names no industry, load what all industries share.
    """
    name, document = site.site.industry, site.document
    if name is None and always and not site.site.extensions:
        return load_profile(COMMON, document.folder)
    if name is None:
        if not site.site.extensions:
            return None, []
        what = _("an extension needs an industry to extend")
        fault = document.fault(
            ("site", "extensions"), "no-industry", what, _("write e.g. industry: shoes")
        )
        return None, [fault]
    faults: list[Fault] = []
    for index, extension in enumerate(site.site.extensions):
        if not extension.exists():
            what = _("there is no file {path}").format(path=extension)
            next_ = _("check the path; it is read from this file's folder")
            path = ("site", "extensions", index)
            faults.append(document.fault(path, "no-such-file", what, next_))
    present = [extension for extension in site.site.extensions if extension.exists()]
    industry, wrong = load_profile(name, document.folder, present)
    if industry is None and not wrong:
        what = _("there is no profile {name}").format(name=name)
        wrong = [
            document.fault(("site", "industry"), "unknown-profile", what, PROFILES.suggest(name))
        ]
    return industry, [*faults, *wrong]


SAME = {"modbus+tls": "modbus+tcp", "modbus+ascii": "modbus+rtu"}
"""A link's scheme → one that says the same to the same driver in another wrapping."""


def templates(site: Site) -> tuple[dict[str, LoadedTemplate], list[Fault]]:
    """Load each device's template; one that several devices share is read once."""
    loaded: dict[str, LoadedTemplate] = {}
    seen: dict[str, LoadedTemplate | None] = {}
    faults: list[Fault] = []
    for device, settings in site.devices.items():
        name = settings.template
        if name is None:
            continue
        path = ("devices", device, "template")
        if name not in seen:
            seen[name], wrong = load_template(name, site.document.folder)
            faults += wrong
            if seen[name] is None and not wrong:
                what = _("there is no template {name}").format(name=name)
                hint = TEMPLATES.suggest(name)
                faults.append(site.document.fault(path, "unknown-template", what, hint))
        template = seen[name]
        if template is None:
            continue
        scheme = settings.link.partition("://")[0]
        if SAME.get(scheme, scheme) in template.model.protocols:
            loaded[device] = template
        else:  # its addresses mean nothing to the link's driver
            what = _("{template} does not speak {scheme}").format(template=name, scheme=scheme)
            next_ = _("it speaks {known}").format(known=", ".join(template.model.protocols))
            faults.append(site.document.fault(path, "wrong-template", what, next_))
    return loaded, faults


def types(
    site: Site, industry: Industry | None, *, always: bool = False
) -> tuple[dict[str, MachineType | None], list[Fault]]:
    """Find each asset's type in the profile.

    Args:
        site: the site file.
        industry: its profile.
        always: an asset without a type is of the one that all industries share.
    """
    types: dict[str, MachineType | None] = {}
    faults: list[Fault] = []
    known = industry.profile.types if industry else {}
    for name, asset in site.assets.items():
        types[name] = known.get(asset.type or (UNTYPED if always else ""))
        if asset.type is None or asset.type in known:
            continue
        path = ("assets", name, "type")
        if industry:
            what = _("the profile has no type {type}").format(type=asset.type)
            next_ = instead(asset.type, known)
            faults.append(site.document.fault(path, "unknown-type", what, next_))
        elif site.site.industry is None and not site.is_invalid("site", "industry"):
            what = _("a type needs an industry that knows it")
            next_ = _("write e.g. industry: shoes under site, or delete the type")
            faults.append(site.document.fault(path, "no-industry", what, next_))
    return types, faults
