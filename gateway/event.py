"""Events: what happened, as the contract spells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.model import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping


def event(kind: str, line: str, asset: str, t_ms: int, data: Mapping[str, object]) -> Draft:
    """Make the record of an event.

    Args:
        kind: last level of its topic, e.g. `gap`, `config`.
        line: of whose event it is; `OWN_LINE` for the gateway's own.
        asset: whose event it is; the gateway's name for its own.
        t_ms: UTC ms when it happened.
        data: what the kind states.
    """
    body = orjson.dumps({"t": t_ms, "type": kind, "data": data})
    return Draft(f"event/{kind}", line, asset, t_ms, body)
