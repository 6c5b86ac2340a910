"""Reading a site file: all of its faults at once.

The file is taken item by item, so that one bad tag hides no other fault. Each item is held against
its own rules here, and against what else the file says; what needs more than the file (a binding
to a tag of a template, an address, an industry) is for `templates.resolve`.

Every key is fixed from the first release on, also those whose feature comes later, because a
strict parser makes a later change a break; `sitefile/later.py` says which these are.
"""

from collections.abc import Callable
from pathlib import Path

from gateway.errors import ConfigError, Fault
from gateway.sitefile.consistency import check_secrets, contradictions
from gateway.sitefile.destination import CommandsConfig, InfluxPublish, MqttPublish
from gateway.sitefile.document import Document, Model, examine, salvage, validate
from gateway.sitefile.equipment import DeviceConfig, TagConfig, WriteConfig
from gateway.sitefile.explain import Wrong, correct, describe, nearest
from gateway.sitefile.files import SecretFile
from gateway.sitefile.later import notices
from gateway.sitefile.machines import AlarmConfig, AssetConfig, InventoryItem
from gateway.sitefile.mapping import MappingConfig
from gateway.sitefile.metering import PER, MediumFactors
from gateway.sitefile.names import name as name_
from gateway.sitefile.names import tag_name
from gateway.sitefile.opcua import SecurityConfig
from gateway.sitefile.products import ProductConfig
from gateway.sitefile.schema import schema_site
from gateway.sitefile.sections import BaselineConfig, KeepConfig, Site, SiteInfo, StoreConfig
from gateway.sitefile.shifts import CalendarConfig, LineCalendar, ShiftConfig
from gateway.sitefile.tariffs import TariffConfig
from gateway.sitefile.tls import TlsConfig
from gateway.words import _

__all__ = [
    "AlarmConfig",
    "AssetConfig",
    "BaselineConfig",
    "CalendarConfig",
    "CommandsConfig",
    "DeviceConfig",
    "InfluxPublish",
    "InventoryItem",
    "KeepConfig",
    "LineCalendar",
    "MqttPublish",
    "ProductConfig",
    "SecretFile",
    "SecurityConfig",
    "ShiftConfig",
    "Site",
    "SiteInfo",
    "StoreConfig",
    "TagConfig",
    "TlsConfig",
    "WriteConfig",
    "check_secrets",
    "notices",
    "read",
    "schema_site",
]


def read(path: Path | str) -> tuple[Site, list[Fault]]:
    """Read a site file.

    Returns:
        The site, holding all that is right, and all faults that the file shows by itself; with
        faults, the site is good for looking for more of them and for nothing else.

    Raises:
        ConfigError: the file can't be read at all.
    """
    document, faults = examine(path)
    if document is None:
        raise ConfigError(sorted(faults))
    reader = _Reader(document, faults)
    site = reader.site()
    return site, sorted({*reader.faults, *contradictions(site)})


_PUBLISHERS: dict[str, type[MqttPublish] | type[InfluxPublish]] = {
    "mqtt": MqttPublish,
    "influx": InfluxPublish,
}
_NOBODY = {
    "cluster": "unknown",
    "enterprise": "unknown",
    "site": "unknown",
    "gateway": "unknown",
    "timezone": "UTC",
}
"""Stands in for what the site section lacks, so that the other sections can still be checked."""


class _Reader:
    """Takes a document apart, item by item, and collects what holds and what doesn't."""

    def __init__(self, document: Document, faults: list[Fault]) -> None:
        self.document = document
        self.faults = faults
        self.invalid: set[tuple[str, ...]] = set()
        self.beside: list[Path] = []
        self.mappings: dict[str, MappingConfig] = {}

    def site(self) -> Site:
        """Read all sections."""
        self._top()
        site = Site.model_construct(
            site=self._info(),
            devices=self._devices(),
            assets=self._items("assets", AssetConfig, essential=frozenset({"type", "bind"})),
            inventory=self._items("inventory", InventoryItem),
            baseline=self._section("baseline", BaselineConfig),
            calendar=self._section("calendar", CalendarConfig),
            tariff=self._tariff(),
            factors=self._factors(),
            publish=self._publishers(),
            store=self._section("store", StoreConfig) or StoreConfig(),
        )
        beside = tuple(self.beside)
        site.attach(self.document, frozenset(self.invalid), beside, self.mappings)
        return site

    def _top(self) -> None:
        known = list(Site.model_fields)
        for key in self.document.data:
            if key not in known:
                self._fault((key,), "unknown-key", _("there is no such key"), correct(key, known))
        if "site" not in self.document.data:
            what = _('the key "{key}" is missing').format(key="site")
            next_ = _("begin the file with it; docs/site.sample.yaml shows what belongs there")
            self._fault((), "missing-key", what, next_)

    def _info(self) -> SiteInfo:
        if "site" not in self.document.data:
            return SiteInfo.model_validate(_NOBODY)
        info, faults, bad = salvage(self.document, ("site",), SiteInfo, frozenset())
        self.faults += faults
        self.invalid |= {("site", key) for key in bad}
        if info is not None:
            return info
        given = self.document.get(("site",))
        good = given if isinstance(given, dict) else {}
        good = {key: value for key, value in good.items() if key not in bad}
        return SiteInfo.model_validate({**_NOBODY, **good}, context={"document": self.document})

    def _devices(self) -> dict[str, DeviceConfig]:
        devices = {}
        essential = frozenset({"link", "template", "groups"})
        for name in self._mapping(("devices",)):
            path = ("devices", name)
            device = self._item(path, DeviceConfig, essential, without=frozenset({"tags"}))
            tags = self._tags(path)
            if device is not None:
                devices[name] = device.model_copy(update={"tags": tags}) if tags else device
        return devices

    def _tags(self, device: tuple[str, str]) -> dict[str, TagConfig]:
        if self.document.get((*device, "tags")) is None:
            return {}
        tags = {}
        every = frozenset(TagConfig.model_fields)
        for name, value in self._mapping((*device, "tags"), tag_name).items():
            path = (*device, "tags", name)
            if value is None:
                next_ = _("write {{at: D100}}, or {{}} for the tag as the template has it").format()
                self._fault(path, "no-value", _("has no value"), next_)
                self.invalid.add(path)
            elif (tag := self._item(path, TagConfig, every)) is not None:
                tags[name] = tag
        return tags

    def _tariff(self) -> TariffConfig | None:
        """Read the tariff, here or in a file of its own, whose faults are told at their lines."""
        given = self.document.get(("tariff",))
        if not isinstance(given, str):
            return self._section("tariff", TariffConfig)
        return self._beside(("tariff",), self.document.folder / given, TariffConfig)

    def _beside(self, at: tuple[str, ...], path: Path, model: type[Model]) -> Model | None:
        """Read a file that the site file names at a place; its faults are told at its lines."""
        self.beside.append(path)
        document, faults = examine(path)
        read: Model | None = None
        if document is not None:
            read, more = validate(document, (), model)
            faults = [*faults, *more]
        elif faults and faults[0].code == "no-such-file":
            what = _("there is no file {path}").format(path=self.document.get(at))
            next_ = _("check the path; it is read from this file's folder")
            faults = [self.document.fault(at, "no-such-file", what, next_)]
        self.faults += faults
        if read is None:
            self.invalid.add(at)
        return read

    def _factors(self) -> dict[str, MediumFactors]:
        factors = self._items("factors", MediumFactors)
        for medium in self._mapping(("factors",)):
            if medium not in PER:
                what = _("there is no such medium")
                self._fault(("factors", medium), "unknown-key", what, correct(medium, list(PER)))
        return {medium: of for medium, of in factors.items() if medium in PER}

    def _publishers(self) -> dict[str, MqttPublish | InfluxPublish]:
        publishers: dict[str, MqttPublish | InfluxPublish] = {}
        for name in self._mapping(("publish",)):
            path = ("publish", name)
            kind = self.document.get((*path, "kind"))
            if kind is not None and not (isinstance(kind, str) and kind in _PUBLISHERS):
                expected = _("one of {choices}").format(choices=", ".join(_PUBLISHERS))
                what = _("must be {expected}, not {value}")
                what = what.format(expected=expected, value=describe(kind))
                near = nearest(kind, _PUBLISHERS) if isinstance(kind, str) else None
                next_ = _("write e.g. kind: {kind}").format(kind=near or "mqtt")
                self._fault((*path, "kind"), "unknown-word", what, next_)
                self.invalid.add(path)
                continue
            model = _PUBLISHERS[str(kind or "mqtt")]
            publisher = self._item(path, model, frozenset({"url", "urls", "kind"}))
            if publisher is None:
                continue
            publishers[name] = publisher
            if isinstance(publisher, MqttPublish) and publisher.mapping is not None:
                mapping = self._beside((*path, "mapping"), publisher.mapping, MappingConfig)
                if mapping is not None:
                    self.mappings[name] = mapping
        return publishers

    def _items(
        self, section: str, model: type[Model], essential: frozenset[str] = frozenset()
    ) -> dict[str, Model]:
        items = {
            name: self._item((section, name), model, essential)
            for name in self._mapping((section,))
        }
        return {name: item for name, item in items.items() if item is not None}

    def _section(self, name: str, model: type[Model]) -> Model | None:
        if self.document.get((name,)) is None:
            return None
        return self._item((name,), model)

    def _item(
        self,
        path: tuple[str, ...],
        model: type[Model],
        essential: frozenset[str] = frozenset(),
        without: frozenset[str] = frozenset(),
    ) -> Model | None:
        item, faults, bad = salvage(self.document, path, model, essential, without)
        self.faults += faults
        if item is None:
            self.invalid.add(path)
        self.invalid |= {(*path, key) for key in bad}
        return item

    def _mapping(
        self, path: tuple[str, ...], check: Callable[[str], str] = name_
    ) -> dict[str, object]:
        """Return the items of a mapping, having checked their names.

        A section left empty, perhaps because its lines are comments for now, has none.
        """
        items = self.document.get(path)
        if items is None:
            return {}
        if not isinstance(items, dict):
            what = _("must be {expected}, not {value}").format(
                expected=_("a mapping (keys with values)"), value=describe(items)
            )
            next_ = _("write each item as a name, a colon, and its keys below or in {{}}").format()
            self._fault(path, "wrong-type", what, next_)
            self.invalid.add(path)
            return {}
        for key in items:
            try:
                check(key)
            except Wrong as error:
                self._fault((*path, key), error.code, error.what, error.next)
        return items

    def _fault(self, path: tuple[str, ...], code: str, what: str, next_: str) -> None:
        self.faults.append(self.document.fault(path, code, what, next_, key=True))
