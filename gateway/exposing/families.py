"""A snapshot of a running gateway as Prometheus's metrics; imports prometheus_client, alone.

Names end in their unit, counters in `_total` (the conventions of Prometheus's documentation).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from gateway.diagnosis.running import OWN_LINE, findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RATIOS = ("a", "p", "q", "oee", "coverage")


def text(snapshot: dict[str, Any] | None) -> bytes:
    """All metrics in the text format, version 0.0.4.

    Args:
        snapshot: as gateway/snapshot.py makes it; None: no gateway answers.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(snapshot))
    return generate_latest(registry)


class _Snapshot:
    """A collector of one snapshot."""

    def __init__(self, snapshot: dict[str, Any] | None) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Every family; of a gateway that doesn't answer only that."""
        up = self._snapshot is not None
        yield GaugeMetricFamily("nxgate_up", "1 while the gateway answers", value=float(up))
        if self._snapshot is None:
            return
        rooms = (_gateway, _devices, _links, _publishers, _store, _assets)
        for room in rooms:
            yield from room(self._snapshot)


def _gateway(snapshot: dict[str, Any]) -> Iterator[Metric]:
    info = GaugeMetricFamily("nxgate_info", "which gateway", labels=["gateway", "version"])
    info.add_metric([snapshot["gateway"], snapshot["version"]], 1.0)
    yield info
    trusted = float(not snapshot["clock"]["doubt"])
    yield GaugeMetricFamily("nxgate_clock_trusted", "1 while the time is vouched for", trusted)
    stuck = float(len(snapshot["stuck"]))
    yield GaugeMetricFamily("nxgate_stuck_parts", "parts that have stopped getting on", stuck)
    faults = GaugeMetricFamily("nxgate_faults", "what is wrong now, by code", labels=["code"])
    for code, count in sorted(Counter(each.code for each in findings(snapshot)).items()):
        faults.add_metric([code], float(count))
    yield faults
    alarms = GaugeMetricFamily("nxgate_alarms", "alarms that stand", labels=["severity"])
    counts = Counter(str(alarm["sev"]) for alarm in snapshot["alarms"])
    for severity, count in sorted(counts.items()):
        alarms.add_metric([severity], float(count))
    yield alarms


def _devices(snapshot: dict[str, Any]) -> Iterator[Metric]:
    up = GaugeMetricFamily("nxgate_device_up", "1 while the device answers", labels=["device"])
    polls = CounterMetricFamily("nxgate_device_polls", "polls by end", labels=["device", "end"])
    trip = GaugeMetricFamily(
        "nxgate_device_round_trip_seconds", "of the last good poll", labels=["device"]
    )
    bad = GaugeMetricFamily("nxgate_device_bad_tags", "tags without a value", labels=["device"])
    for name, device in snapshot["devices"].items():
        up.add_metric([name], float(bool(device["ok"]) and not device["error"]))
        for end in ("ok", "failed", "missed"):
            polls.add_metric([name, end], float(device[end]))
        trip.add_metric([name], device["round_trip_ms"] / 1000)
        bad.add_metric([name], float(device["bad_tags"]))
    yield from (up, polls, trip, bad)


def _links(snapshot: dict[str, Any]) -> Iterator[Metric]:
    odd = CounterMetricFamily(
        "nxgate_link_odd_answers", "answers that were nobody's", labels=["link", "kind"]
    )
    for url, link in snapshot["links"].items():
        for kind in ("late", "rejected"):
            odd.add_metric([url, kind], float(link[kind]))
    yield odd


def _publishers(snapshot: dict[str, Any]) -> Iterator[Metric]:
    label = ["publisher"]
    up = GaugeMetricFamily("nxgate_publisher_up", "1 while connected", labels=label)
    outbox = GaugeMetricFamily("nxgate_publisher_outbox_records", "not delivered", labels=label)
    parked = GaugeMetricFamily("nxgate_publisher_parked_records", "on refused topics", labels=label)
    acked = CounterMetricFamily("nxgate_publisher_delivered_records", "delivered", labels=label)
    aside = CounterMetricFamily("nxgate_publisher_aside_records", "set aside", labels=label)
    trip = GaugeMetricFamily("nxgate_publisher_round_trip_seconds", "to the answer", labels=label)
    for name, status in snapshot["publishers"].items():
        up.add_metric([name], float(status["connected"]))
        outbox.add_metric([name], float(status["outbox"]))
        parked.add_metric([name], float(status["parked"]))
        acked.add_metric([name], float(status["acked"]))
        aside.add_metric([name], float(status["aside"]))
        trip.add_metric([name], status["rtt_ms"] / 1000)
    yield from (up, outbox, parked, acked, aside, trip)


def _store(snapshot: dict[str, Any]) -> Iterator[Metric]:
    store = snapshot["store"]
    gauges = (
        ("nxgate_store_bytes", "of all segments", store["bytes"]),
        ("nxgate_store_free_bytes", "free on its disk", store["free"]),
        ("nxgate_store_uncommitted_bytes", "waiting for a commit", store["uncommitted"]),
        ("nxgate_store_failing", "1 while the disk refuses", store["failing"] is not None),
        ("nxgate_store_oldest_timestamp_seconds", "oldest record", store["oldest_ms"] / 1000),
        ("nxgate_store_commit_timestamp_seconds", "last commit", store["last_commit_ms"] / 1000),
    )
    for name, about, value in gauges:
        yield GaugeMetricFamily(name, about, float(value))
    counters = (
        ("nxgate_store_commits", "since the start", store["commits"]),
        ("nxgate_store_dropped_records", "lost for want of memory", sum(store["dropped"].values())),
        ("nxgate_store_unreadable_records", "found damaged", store["bad_rows"]),
    )
    for name, about, value in counters:
        yield CounterMetricFamily(name, about, float(value))


def _assets(snapshot: dict[str, Any]) -> Iterator[Metric]:
    label = ["line", "asset", "figure"]
    figures = GaugeMetricFamily("nxgate_asset_figure_ratio", "of the open hour", labels=label)
    own = GaugeMetricFamily(
        "nxgate_gateway_reading", "what the gateway reads of itself", labels=["reading", "unit"]
    )
    for asset in snapshot["assets"]:
        for name in RATIOS:
            value = (asset.get("figures") or {}).get(name)
            if value is not None:
                figures.add_metric([asset["line"], asset["name"], name], float(value))
        if asset["line"] == OWN_LINE:
            for value in asset["values"]:
                if isinstance(value["v"], int | float) and not value["q"]:
                    own.add_metric([value["n"], value["u"] or ""], float(value["v"]))
    yield from (figures, own)
