"""Products of a site file, with and without dates."""

from __future__ import annotations

from gateway.kpi import ProductTerms
from gateway.resolution.products import dated
from gateway.sitefile.products import ProductConfig

MIDNIGHT = 1_790_784_000_000
"""2026-10-01 00:00 in Shanghai."""


def test_what_holds_from_a_day_on_begins_at_the_sites_midnight() -> None:
    entries = [
        {"ideal_cycle": "12s", "sam": "37s"},
        {"from": "2026-10-01", "ideal_cycle": "10s"},
    ]
    found = dated({"A17": [ProductConfig.model_validate(one) for one in entries]}, "Asia/Shanghai")
    assert found["A17"] == (ProductTerms(0, 12, 37), ProductTerms(MIDNIGHT, 10, 37))
    later = dated({"A17": [ProductConfig.model_validate(entries[1])]}, "UTC")
    assert later["A17"] == (ProductTerms(MIDNIGHT + 8 * 3_600_000, 10),)
