"""Lines and the site as assets, so that their meta can be told as every asset's is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import Asset
from gateway.rollup.rollups import SITE
from gateway.rollup.statement import BALANCE, kpis_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.kpi import KpiSpec


def describe(
    places: Iterable[tuple[str, str]], assets: Iterable[Asset], site: str
) -> Iterator[tuple[Asset, list[str]]]:
    """What is summed up, as assets, each with the names of its KPIs.

    Args:
        places: line and asset of each.
        assets: of the site.
        site: its name.
    """
    specs: dict[str, list[KpiSpec]] = {}
    for asset in assets:
        if asset.kpi is not None:
            specs.setdefault(asset.line, []).append(asset.kpi)
    for line, name in places:
        if line == SITE:
            text = {"zh": f"工厂 {site}", "en": f"Site {site}"}
            of = [spec for found in specs.values() for spec in found]
        else:
            text = {"zh": f"产线 {line}", "en": f"Line {line}"}
            of = specs.get(line, [])
        kind = "site" if line == SITE else "line"
        names = kpis_told(of) | ({BALANCE} if kind == "line" else set())
        yield Asset(name, line, kind, text, (), None), sorted(names)
