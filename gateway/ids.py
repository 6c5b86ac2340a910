"""A record's position, given once: one integer inside, `gateway:epoch:seq` on the wire."""

from __future__ import annotations

SEQ_BITS = 36
"""A record's position is one integer: epoch above, sequence in the low 36 bits."""
MAX_SEQ = (1 << SEQ_BITS) - 1
MAX_EPOCH = (1 << 27) - 1
"""Keys are SQLite integers, 63 bits: 27 of them are the epoch's."""
_DIGITS = 11
"""Of the highest sequence number."""


def make_key(epoch: int, seq: int) -> int:
    """Pack an epoch (from 1) and a sequence number (from 1) into one ordered integer."""
    return (epoch << SEQ_BITS) | seq


def record_id(gateway: str, key: int) -> str:
    """Spell a position as the contract's id, `gateway:epoch:seq`."""
    return f"{gateway}:{key >> SEQ_BITS}:{key & MAX_SEQ}"


def parse_id(text: object) -> tuple[str, int] | None:
    """Read what `record_id` spells: the gateway and the key; None where it is no id."""
    parts = text.split(":") if isinstance(text, str) else []
    numbers = [p for p in parts[1:] if p.isascii() and p.isdigit() and len(p) <= _DIGITS]
    if len(parts) != 3 or len(numbers) != 2:  # noqa: PLR2004
        return None
    epoch, seq = map(int, numbers)
    return (parts[0], make_key(epoch, seq)) if epoch <= MAX_EPOCH and seq <= MAX_SEQ else None
