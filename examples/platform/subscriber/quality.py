"""How good the data of a gateway is: four shares between 0 and 1, and their product as a score.

coverage  how much of its machines' time was known: mean coverage of closed hours
lateness  how much came while it was fresh: records that were live, and here within five seconds
gaps      how much of what was numbered is here: ids stored of ids given
clock     how much has a time to trust: records that are neither marked nor ahead of our clock
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from .holes import WHERE
from .storing import now_ms

if TYPE_CHECKING:
    from .database import Database
    from .holes import Gateway

LATE_MS = 5_000
AHEAD_MS = 2_000


class Score(NamedTuple):
    """Of one gateway over a time; None: nothing to tell it from."""

    gateway: Gateway
    records: int
    coverage: float | None
    lateness: float | None
    gaps: float | None
    clock: float | None

    @property
    def score(self) -> float:
        """0 to 100."""
        product = 100.0
        for share in self[2:]:
            product *= 1.0 if share is None else share
        return product


def scores(database: Database, hours: float = 24.0) -> list[Score]:
    """Score each gateway over the last hours."""
    since = now_ms() - round(hours * 3_600_000)
    gateways = database.rows(
        "SELECT cluster, enterprise, site, gateway FROM gateways ORDER BY 1, 4"
    )
    return [_score(database, (c, e, s, g), since) for c, e, s, g in gateways]


def _score(database: Database, of: Gateway, since: int) -> Score:
    ((records, prompt, trusted),) = database.rows(
        "SELECT COUNT(*), SUM(CASE WHEN hist = 0 AND arrived - ts <= ? THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN ts - arrived <= ? AND unsync = 0 THEN 1 ELSE 0 END)"
        f" FROM records WHERE {WHERE} AND arrived >= ? AND class = 'telemetry'",
        (LATE_MS, AHEAD_MS, *of, since),
    )
    given = stored = 0
    for lowest, highest, count in database.rows(
        f"SELECT MIN(seq), MAX(seq), COUNT(*) FROM records WHERE {WHERE} AND arrived >= ?"
        " GROUP BY epoch",
        (*of, since),
    ):
        given += highest - lowest + 1
        stored += count
    covered = [
        json.loads(body).get("coverage")
        for (body,) in database.rows(
            f"SELECT body FROM windows WHERE {WHERE} AND class = 'oee' AND kind = 'hour'"
            " AND final = 1 AND start >= ?",
            (*of, since),
        )
    ]
    known = [share for share in covered if share is not None]
    return Score(
        of,
        stored,
        sum(known) / len(known) if known else None,
        prompt / records if records else None,
        stored / given if given else None,
        trusted / records if records else None,
    )
