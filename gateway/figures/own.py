"""Figures of a firm's own, computed from those of one record: `x_kwh_per_kg` and the like."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.deriving.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.kpi import KpiSpec
    from gateway.model import Value


def own_kpis(spec: KpiSpec, record: str, told: Mapping[str, object]) -> dict[str, float | None]:
    """The asset's own figures of a record.

    Args:
        spec: of the asset.
        record: oee or energy.
        told: figures by name; those within one another are named as `time_s.run`.

    Returns:
        By name; None where one has no value.
    """
    asked = {name: kpi.formula for name, kpi in spec.own.items() if kpi.record == record}
    if not asked:
        return {}
    values = dict(_flat(told))
    return {name: _number(_read(text).evaluate(values)) for name, text in asked.items()}


def _flat(told: Mapping[str, object]) -> list[tuple[str, Value]]:
    flat: list[tuple[str, Value]] = []
    for name, value in told.items():
        if isinstance(value, dict):
            flat += [(f"{name}.{inner}", one) for inner, one in value.items()]
        elif value is None or isinstance(value, (bool, int, float, str)):
            flat.append((name, value))
    return flat


@lru_cache(maxsize=256)
def _read(text: str) -> Expression:
    return Expression(text)


def _number(value: Value) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
