"""How often what was found can be read, so that the polls fit its line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gateway.planning import FULL, planned
from gateway.templates import load

USUAL_S = 1
"""The pace of a device for which a site file names none."""
PACES_S = (1, 2, 5, 10, 15, 30, 60, 120, 300)


def paces(site: str) -> dict[str, int]:
    """Seconds between two polls, by device; those whose line carries the usual pace are left out.

    Args:
        site: a site file in which no device has a pace.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(site, "utf-8")
        links = planned(load(path))
    found: dict[str, int] = {}
    for groups in links.values():
        share = sum(polled.share for polled in groups) * USUAL_S
        pace_s = next((one for one in PACES_S if share / one <= FULL), PACES_S[-1])
        if pace_s != USUAL_S:
            found |= dict.fromkeys((polled.device for polled in groups), pace_s)
    return found
