"""What is measured: so many devices of so many registers, each read once a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STAMP = 2
"""Registers at a device's end that carry the time of its answer (see `lean_server`)."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Devices, u16 holding registers of each, and how often they are read."""

    name: str
    devices: int
    registers: int
    period_ms: int = 1000

    @property
    def values_per_s(self) -> float:
        """Values that arrive if none is lost."""
        return self.devices * self.registers * 1000 / self.period_ms

    @property
    def stamp_tags(self) -> tuple[str, str]:
        """Names of the tags that carry the stamp: high word, low word."""
        return f"r{self.registers - 2:03}", f"r{self.registers - 1:03}"


WORKLOADS = {
    "W1": Workload("W1", devices=10, registers=100),
    "W2": Workload("W2", devices=50, registers=200),
    "W3": Workload("W3", devices=60, registers=1000, period_ms=100),
}


def write_site(
    folder: Path, work: Workload, ports: Sequence[int], broker_port: int, second: str = ""
) -> Path:
    """Write the gateway's site file for a workload.

    Args:
        folder: for the file and the store.
        work: the workload.
        ports: where the devices answer on loopback, one each.
        broker_port: where the broker listens on loopback.
        second: another publisher's section; "": none.
    """
    url = f"mqtt://127.0.0.1:{broker_port}"
    tags = "".join(
        f"      r{number:03}: {{at: 'holding:{number}', kind: u16}}\n"
        for number in range(work.registers)
    )
    devices = "".join(
        f"  dev-{number:02}:\n"
        f"    link: modbus+tcp://127.0.0.1:{port}\n"
        "    unit: 1\n"
        f"    poll: {work.period_ms}ms\n"
        f"    tags:\n{tags}"
        for number, port in enumerate(ports)
    )
    text = (
        "site: {cluster: bench, enterprise: bench, site: bench, gateway: gw-bench,"
        " timezone: Asia/Shanghai}\n"
        f"devices:\n{devices}"
        "publish:\n"
        f"  cluster: {{kind: mqtt, url: '{url}', format: cii}}\n"
        + (f"  second: {second}\n" if second else "")
        + "store: {path: store, size: 2GiB}\n"
    )
    site = folder / "site.yaml"
    site.write_text(text, "utf-8")
    return site
