"""What several rooms have to spell as the canonical contract does (docs/contract/asyncapi.yaml)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.model import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.settings import Identity

VERSION = "1.0"
"""`v` of every message."""
OWN_LINE = "_gw"
"""The line of what the gateway says of itself; its asset is the gateway's name."""


def root_of(identity: Identity) -> str:
    """The topic levels above line and asset."""
    return f"cii/v1/{identity.cluster}/{identity.enterprise}/{identity.site}"


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
