"""Which tags of a site are to be proved: those of layer N, and whatever feeds a figure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Asset, Binding, Tag
    from gateway.plant import Plant

NETWORKED = "N"
"""The layer of what every machine of an industry must tell."""
_WORD = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """One tag to be proved.

    Attributes:
        feeds: what it is bound to, as `asset.signal`.
        text: what people call it, by language.
    """

    tag: Tag
    feeds: tuple[str, ...]
    text: Mapping[str, str]

    @property
    def name(self) -> str:
        """`device.tag`."""
        return f"{self.tag.device}.{self.tag.name}"

    @property
    def digest(self) -> str:
        """Of all that makes its value: what was proved holds for as long as this is the same."""
        tag = self.tag
        made = (tag.at, tag.kind, tag.order, tag.length, tag.bits, tag.scale, tag.offset, tag.unit)
        return hashlib.sha256(repr((tag.device, tag.name, *map(str, made))).encode()).hexdigest()[
            :16
        ]


def select(plant: Plant, *, whole: bool) -> list[Asked]:
    """Find the tags, in the order of the site's devices.

    Args:
        plant: the site.
        whole: all that are read, whatever they are for.
    """
    feeds: dict[tuple[str, str], list[str]] = {}
    texts: dict[tuple[str, str], Mapping[str, str]] = {}
    for asset in plant.assets:
        for binding in asset.feeds() if whole else asset.bindings:
            if whole or _counts(asset, binding):
                key = binding.tag.device, binding.tag.name
                feeds.setdefault(key, []).append(f"{asset.name}.{binding.signal}")
                texts.setdefault(key, binding.text)
    tags = (tag for device in plant.devices for group in device.groups for tag in group.tags)
    return [
        Asked(tag, tuple(feeds.get(key, ())), tag.text or texts.get(key, {}))
        for tag in tags
        if (key := (tag.device, tag.name)) in feeds or whole
    ]


def _counts(asset: Asset, binding: Binding) -> bool:
    """Say whether a signal is of layer N or goes into a figure; without a type, each is."""
    if asset.kpi is None or binding.layer == NETWORKED or binding.signal in asset.kpi.signals:
        return True
    derived = asset.derived
    if derived is None:
        return False
    words = {
        *_WORD.findall(" ".join(derived.formulas.values())),
        *(derived.state.signals if derived.state else ()),
        *(["power"] if derived.levels else ()),
        *([derived.count.by] if derived.count else ()),
    }
    return binding.signal in words
