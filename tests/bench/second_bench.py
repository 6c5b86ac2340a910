"""What a second publisher costs: W2 without it and with it, one after the other, in pairs.

The second one goes to the same broker in another format; nobody subscribes to what it says.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.bench.workload import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.bench.workload import Workload

    Measure = Callable[[Workload, str], Mapping[str, float]]


_PLATFORM = "platform: {{product: p, secure_id: s, secret: {{file: {secret}}}}}"
_NEEDS = {"thingsboard": "username: token", "jetlinks": _PLATFORM, "huawei": _PLATFORM}
"""What a format can't do without."""


def section(form: str, broker_port: int, folder: Path) -> str:
    """The section of a second publisher over MQTT, with the secret that its format needs."""
    more = ""
    if form in _NEEDS:
        secret = folder / "second.secret"
        secret.write_text("0f1e2d3c4b5a", "utf-8")
        secret.chmod(0o600)
        more = f", {_NEEDS[form].format(secret=secret)}"
    return f"{{kind: mqtt, url: 'mqtt://127.0.0.1:{broker_port}', format: {form}{more}}}"


def bench(form: str, runs: int, measure: Measure) -> dict[str, object]:
    """Print a line for each pair, and the median of what the second publisher adds.

    Args:
        form: the second publisher's format.
        runs: pairs.
        measure: does a run of a workload with a second publisher of a format; "": none.
    """
    work = WORKLOADS["W2"]
    pairs: list[dict[str, float]] = []
    for number in range(runs):
        alone, both = (measure(work, second)["cpu_s_per_million"] for second in ("", form))
        pairs.append({"alone": alone, "both": both, "added": both / alone - 1})
        print(
            f"{work.name}, pair {number + 1}: {alone:.3f} CPU-s/10^6 alone, {both:.3f} with"
            f" {form}: {both / alone - 1:+.1%}",
            flush=True,
        )
    added = statistics.median(pair["added"] for pair in pairs)
    print(f"a second publisher ({form}) adds {added:.1%} CPU, the median of {runs} pairs")
    return {"second": form, "pairs": pairs, "added": added}
