"""Words of other gateways and PLCs, so that people who bring them are understood."""

from __future__ import annotations

from gateway.words import _

WORDS = {
    "address": "at",
    "register": "at",
    "type": "kind",
    "datatype": "kind",
    "data_type": "kind",
    "byte_order": "order",
    "word_order": "order",
    "slave": "unit",
    "slave_id": "unit",
    "unit_id": "unit",
    "station": "unit",
    "host": "link",
    "ip": "link",
    "url": "link",
    "interval": "poll",
    "period": "poll",
    "scan_rate": "poll",
    "broker": "url",
    "server": "url",
    "user": "username",
    "client": "client_id",
    "tz": "timezone",
    "max_size": "size",
    "signals": "bind",
    "cycle_time": "ideal_cycle",
    "cycle": "ideal_cycle",
    "bool": "bit",
    "boolean": "bit",
    "word": "u16",
    "uint": "u16",
    "short": "i16",
    "int": "i16",
    "dword": "u32",
    "udint": "u32",
    "dint": "i32",
    "long": "i32",
    "real": "f32",
    "float": "f32",
    "single": "f32",
    "lreal": "f64",
    "double": "f64",
    "str": "string",
    "text": "string",
}
"""What other gateways and PLCs call a key or a kind, where spelling would not lead there."""


def superfluous(key: str) -> str | None:
    """Say why a key that other gateways have is not needed here; None where it isn't known."""
    if key == "qos":
        return _("delete it: records always go out at QoS 1")
    if key in {"topic", "topics"}:
        return _("delete it: topics follow from the site section and the names of assets")
    if key == "retain":
        return _("delete it: what is retained follows from the contract")
    return None
