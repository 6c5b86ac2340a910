"""What a display needs to know of a running gateway, as one plain object."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.driver import is_open_to_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.alarms.board import Alarms
    from gateway.alarms.watch import Watch
    from gateway.driver import Link
    from gateway.health import Health
    from gateway.ledger import Ledger
    from gateway.model import Asset
    from gateway.pipeline import Pipeline
    from gateway.plant import Plant
    from gateway.publishers.base import Publisher
    from gateway.reloading import Outcome
    from gateway.store import Store
    from gateway.timekeeping.keeper import Timekeeper


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Gathers values, figures and health at the moment it is asked."""

    plant: Plant
    reload: Outcome | None
    clock: Timekeeper
    itself: Asset
    alarms: Alarms
    pipeline: Pipeline
    ledger: Ledger
    health: Health
    store: Store
    links: Sequence[Link]
    publishers: Sequence[Publisher]
    stuck: Sequence[str]

    def take(self, now_ms: int) -> dict[str, object]:
        """Everything, as JSON can hold it; times in UTC ms."""
        return {
            "gateway": self.plant.identity.gateway,
            "version": __version__,
            "epoch": self.store.epoch,
            "time": now_ms,
            "clock": dataclasses.asdict(self.clock.status()),
            "stuck": list(self.stuck),
            "reload": None if self.reload is None else dataclasses.asdict(self.reload),
            "assets": [self._asset(asset, now_ms) for asset in (*self.plant.assets, self.itself)],
            "alarms": [_alarm(watch) for watch in self.alarms.standing()],
            "devices": {
                name: dataclasses.asdict(health) for name, health in self.health.devices.items()
            },
            "links": {
                link.url: {
                    "late": link.late,
                    "rejected": link.rejected,
                    "open_to_all": is_open_to_all(link),
                }
                for link in self.links
            },
            "publishers": {p.name: dataclasses.asdict(p.status()) for p in self.publishers},
            "store": dataclasses.asdict(self.store.status()),
        }

    def _asset(self, asset: Asset, now_ms: int) -> dict[str, object]:
        about: dict[str, object] = {
            "name": asset.name,
            "text": dict(asset.text),
            "line": asset.line,
            "kind": asset.kind,
            "values": [
                {"n": s.signal, "v": s.value, "q": int(s.quality), "u": s.unit, "t": s.time_ms}
                for s in self.pipeline.shown(asset.name)
            ],
        }
        if asset.kpi is not None:
            about["figures"] = self.ledger.live(asset.name, now_ms)
        return about


def _alarm(watch: Watch) -> dict[str, object]:
    return {
        "line": watch.line,
        "asset": watch.asset,
        "name": watch.spec.name,
        "sev": watch.spec.severity,
        "acked": watch.acked,
        "raised": watch.raised_ms,
        "text": watch.text,
    }
