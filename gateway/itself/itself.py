"""The gateway's own asset, put together: what the agent asks once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import __version__
from gateway.contract import OWN_LINE, event
from gateway.itself.basis import basis_of, changes
from gateway.itself.comings import Comings
from gateway.itself.gauges import PERIOD_S, asset_of, device_of, tags_of
from gateway.itself.memory import LastRun, note, recall
from gateway.itself.readings import Parts, Readings, lacking
from gateway.itself.trouble import Trouble, specs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.model import Asset, Batch, Device, Draft, Tag
    from gateway.plant import Plant

__all__ = ["Itself", "Parts"]


class Itself:
    """What the gateway tells of itself.

    Args:
        parts: the running gateway.
        plant: its site.

    Attributes:
        asset: the gateway as an asset, without its bindings.
    """

    def __init__(self, parts: Parts, plant: Plant) -> None:
        self._parts = parts
        self._gateway = plant.identity.gateway
        self._folder = plant.store.path
        self._readings = Readings(parts)
        self._trouble = Trouble(parts, self._gateway)
        self._comings = Comings()
        self._lacking = lacking()
        self._tags: tuple[Tag, ...] = ()
        self.asset = asset_of(self._gateway, (), ())
        self._basis: Mapping[str, object] = {}
        self._due_ns = parts.clock.mono_ns()
        last = recall(self._folder)
        self._after = "first" if last is None else "stop" if last.is_over else "crash"
        if last is not None:
            self._basis = last.figures

    def plan(self, plant: Plant) -> tuple[Asset, Device]:
        """The gateway as an asset and a device of this site; at a start and at a change."""
        self._tags = tags_of(plant, self._lacking)
        self._trouble.plan(plant)
        self._due_ns = self._parts.clock.mono_ns()
        return asset_of(self._gateway, self._tags, specs_of(plant)), device_of(self._tags)

    def changed(self, plant: Plant, assets: Iterable[Asset]) -> list[Draft]:
        """Events for what figures depend on and is not as it was.

        Args:
            plant: as it is now.
            assets: those of it that still have their bindings; the others' are as they were.
        """
        before = self._basis
        self._basis = basis_of(plant, {asset.name for asset in assets}, before)
        return changes(before, self._basis, plant, self._now_ms()) if before else []

    def begin(self) -> Draft:
        """The event of a start; it tells how the last run ended: first | stop | crash."""
        data = {"what": "start", "after": self._after, "sw": f"nxgate {__version__}"}
        return self._event("gateway", data | {"epoch": self._parts.store.epoch})

    def end(self) -> Draft:
        """The event of a stop in order."""
        return self._event("gateway", {"what": "stop", "epoch": self._parts.store.epoch})

    def remember(self, *, is_over: bool) -> None:
        """Note what this run depends on, once what was told of it is on the medium; blocks."""
        note(self._folder, LastRun(self._basis, is_over))

    def advance(self, mono_ns: int, now_ms: int) -> tuple[list[Draft], Batch | None]:
        """Events and alarms of this second, and the readings where they are due."""
        drafts = [
            self._event("device", data)
            for data in self._comings.look(self._parts.health.devices, mono_ns)
        ]
        drafts += self._trouble.look(mono_ns, now_ms)
        if mono_ns < self._due_ns:
            return drafts, None
        self._due_ns = mono_ns + round(PERIOD_S * 1e9)
        return drafts, self._readings.take(self._tags)

    def _event(self, kind: str, data: dict[str, object]) -> Draft:
        return event(kind, OWN_LINE, self._gateway, self._now_ms(), data)

    def _now_ms(self) -> int:
        return self._parts.clock.wall_ns() // 1_000_000
