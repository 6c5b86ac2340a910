"""The plant: a site with everything that it refers to resolved, ready to be polled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.errors import Fault
    from gateway.industry import Industry
    from gateway.model import Asset, Device
    from gateway.sections import Site


@dataclass(frozen=True, slots=True)
class Plant:
    """A site, resolved: everything that the gateway needs to know of it.

    Attributes:
        assets: those of the site file, then one for each device with unbound tags.
        files: all that was read, so that a change of any of them can be noticed.
        notices: what is no fault and should be known: figures that will be null, keys whose
            features come later.
        industry: None where the site has none, and tags are only moved.
    """

    site: Site
    devices: tuple[Device, ...]
    assets: tuple[Asset, ...]
    files: tuple[Path, ...]
    notices: tuple[Fault, ...] = ()
    industry: Industry | None = None

    def device(self, name: str) -> Device | None:
        """Return a device by its name."""
        return next((device for device in self.devices if device.name == name), None)

    def links(self) -> dict[str, tuple[Device, ...]]:
        """The devices on each link, by its URL."""
        urls = dict.fromkeys(device.link for device in self.devices)
        return {url: tuple(d for d in self.devices if d.link == url) for url in urls}

    def kpis(self, asset: Asset) -> list[dict[str, object]]:
        """What `kpi` of an asset's figures may hold, as the contract's meta describes it."""
        if asset.kpi is None or self.industry is None:
            return []
        known = self.industry.profile.kpis
        described: list[dict[str, object]] = []
        for name in asset.kpi.kpis:
            unit = {"u": known[name].unit} if known[name].unit else {}
            described.append(
                {"n": name, **unit, "desc": known[name].name, "layer": known[name].layer}
            )
        return described
