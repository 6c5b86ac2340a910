"""The tags of a site file as rows: what it says itself, over what a device's template says."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import config
from gateway.errors import ConfigError, Fault
from gateway.resolution import references
from gateway.resolution.device import outline
from gateway.sheets.columns import FIELDS, show
from gateway.sitefile.document import examine, instead
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.resolution.device import Outline
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.sheets.columns import Column
    from gateway.sheets.table import Cell
    from gateway.sitefile.document import Document

SCALED = ("low", "high")
"""What a template says of the instrument, so that the device's ratios go into it."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one site file.

    Attributes:
        document: the site file.
        site: the same, as far as it holds.
        outlines: of the devices that hold.
    """

    document: Document
    outlines: Mapping[str, Outline]

    @property
    def devices(self) -> list[str]:
        """Names of all devices."""
        held = self.document.get(("devices",))
        every = held if isinstance(held, dict) else {}
        return [name for name, device in every.items() if isinstance(device, dict)]

    def own(self, device: str) -> Mapping[str, object]:
        """What the site file says under the device's `tags`."""
        tags = self.document.get(("devices", device, "tags"))
        return tags if isinstance(tags, dict) else {}

    def known(self, device: str) -> list[str]:
        """Names of the tags, those of the template first."""
        template = self._template(device)
        return list(dict.fromkeys([*(template.model.tags if template else ()), *self.own(device)]))

    def held(self, device: str, tag: str, column: Column) -> object:
        """What is in force for a key of a tag: the site file's, else the template's."""
        key, *below = column.path
        own = self.own(device).get(tag)
        if isinstance(own, dict) and key in own:
            return _under(own[key], below)
        said = self.template(device, tag)
        if key in SCALED and key in said:
            return getattr(self.outlines[device].declared(tag).config, key)
        return _under(said.get(key), below)

    def template(self, device: str, tag: str) -> Mapping[str, object]:
        """What the template says of a tag."""
        template = self._template(device)
        said = template.document.get(("tags", tag)) if template else None
        return said if isinstance(said, dict) else {}

    def row(self, device: str, tag: str) -> list[Cell]:
        """The tag's cells, in the order of all columns."""
        shown = (show(self.held(device, tag, column), column) for column in FIELDS)
        return [device, tag, *shown]

    def choose(self, wanted: Iterable[str]) -> list[str]:
        """Find devices by name or pattern, several in one word where commas part them.

        Raises:
            ConfigError: none is so named.
        """
        found: dict[str, None] = {}
        words = [word.strip() for words in wanted for word in words.replace("，", ",").split(",")]
        for word in filter(None, words):
            hits = fnmatch.filter(self.devices, word)
            if not hits:
                raise ConfigError([unknown(self.document.file, word, self.devices)])
            found |= dict.fromkeys(hits)
        return list(found)

    def _template(self, device: str) -> LoadedTemplate | None:
        out = self.outlines.get(device)
        return out.template if out else None


def tags_of(path: Path) -> Tags:
    """Read a site file for its tags; other faults than of its syntax don't matter here.

    Raises:
        ConfigError: it can't be read.
    """
    document, faults = examine(path)
    if document is None or faults:
        raise ConfigError(sorted(faults))
    site, _faults = config.read(path)
    templates, _faults = references.templates(site)
    outlines = {name: outline(site, name, templates.get(name))[0] for name in site.devices}
    return Tags(document, outlines)


def unknown(file: str, name: str, known: Iterable[str], line: int = 0, column: int = 0) -> Fault:
    """Say that there is no such device, and which one may have been meant."""
    what = _("no {kind} {name}").format(kind=_("device"), name=name)
    return Fault(file, line, column, "unknown-name", what, instead(name, known))


def _under(value: object, keys: Iterable[str]) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def rows(tags: Tags, devices: Iterable[str], *, whole: bool) -> Iterator[list[Cell]]:
    """Every tag of some devices; with `whole` also those that only the template has."""
    for device in devices:
        names = tags.known(device) if whole else tags.own(device)
        for name in names:
            yield tags.row(device, name)
