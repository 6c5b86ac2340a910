"""What a second publisher costs: W2 without it and with it, one after the other, in pairs.

The second one goes to the same broker in another format; nobody subscribes to what it says.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.bench.workload import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.bench.workload import Workload

    Measure = Callable[[Workload, str], Mapping[str, float]]


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
