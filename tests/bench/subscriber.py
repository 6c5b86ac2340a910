"""The other end: a subscriber that takes every message and measures how old its values are.

Run as `python -m tests.bench.subscriber PORT HIGH_TAG LOW_TAG`. It prints `ready`, then
`first NS` with the time of the first value; a line `NS NS` on its standard input asks for the
figures of the messages that arrived between two times, as one line of JSON, and ends it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "cii/v1/#"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of telemetry, as it arrived.

    Attributes:
        age_us: since the device answered; None where the stamp isn't in it.
        seq: its number in the gateway's own count.
    """

    arrived_ns: int
    values: int
    nulls: int
    size: int
    age_us: int | None
    seq: int


class Subscriber:
    """Takes all that the gateway publishes."""

    def __init__(self, port: int, high: str, low: str) -> None:
        self.messages: list[Message] = []
        self.seqs: set[int] = set()
        self._tags = high, low
        self._ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(TOPIC, qos=1)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = lambda _client, _data, got: self.take(
            got.topic, bytes(got.payload)
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        if not self._ready.wait(10):
            raise TimeoutError("the broker didn't take the subscription")

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message; the time of its arrival is now."""
        arrived_ns = time.time_ns()
        body = orjson.loads(payload) if payload else {}
        if "id" not in body:
            return
        seq = int(body["id"].rsplit(":", 1)[1])
        self.seqs.add(seq)
        if "/telemetry/" not in topic or "/_gw/" in topic:  # its own health is no device's
            return
        if not self.messages:
            print("first", arrived_ns, flush=True)
        values = nulls = 0
        age_us: int | None = None
        for row in body["rows"]:
            values += len(row["m"])
            nulls += sum(value is None for value in row["m"].values())
            age_us = self._age_us(row["m"], arrived_ns)
        self.messages.append(Message(arrived_ns, values, nulls, len(payload), age_us, seq))

    def _age_us(self, row: dict[str, Any], arrived_ns: int) -> int | None:
        """How long ago the device stamped a row; None where a part of the stamp is missing."""
        high, low = (row.get(tag) for tag in self._tags)
        if high is None or low is None:
            return None
        stamp = int(high) << 16 | int(low)
        return (arrived_ns // 1000 - stamp) & 0xFFFF_FFFF

    def figures(self, start_ns: int, end_ns: int) -> dict[str, float | int | None]:
        """Sum up what arrived in [start, end)."""
        inside = [m for m in self.messages if start_ns <= m.arrived_ns < end_ns]
        ages = sorted(m.age_us for m in inside if m.age_us is not None)
        numbers = sorted(m.seq for m in inside)
        missing = 0
        if numbers:
            missing = len(set(range(numbers[0], numbers[-1] + 1)) - self.seqs)
        return {
            "messages": len(inside),
            "values": sum(m.values for m in inside),
            "nulls": sum(m.nulls for m in inside),
            "bytes": sum(m.size for m in inside),
            "missing_ids": missing,
            "latency_ms_p50": quantile(ages, 0.5),
            "latency_ms_p99": quantile(ages, 0.99),
            "latency_ms_max": quantile(ages, 1.0),
        }


def quantile(ages_us: list[int], share: float) -> float | None:
    """Return a quantile of sorted µs as ms (nearest rank); None of nothing."""
    if not ages_us:
        return None
    return ages_us[min(int(share * len(ages_us)), len(ages_us) - 1)] / 1000


def main() -> None:
    """Subscribe, and answer the one question."""
    port, high, low = sys.argv[1:]
    subscriber = Subscriber(int(port), high, low)
    print("ready", flush=True)
    window = sys.stdin.readline().split()
    if window:
        print(json.dumps(subscriber.figures(int(window[0]), int(window[1]))), flush=True)
    subscriber.client.disconnect()
    subscriber.client.loop_stop()


if __name__ == "__main__":
    main()
