"""Until when a certificate is valid.

The standard library tells this of a peer's certificate only, so the dates of our own are read
where X.509 puts them.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SEQUENCE, _VERSION = 0x30, 0xA0
_FORMATS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""UTCTime and GeneralizedTime (RFC 5280, 4.1.2.5)."""


def expiry_ms(path: Path) -> int | None:
    """UTC ms at which the first certificate of a PEM file expires; None where there is none."""
    try:
        text = path.read_text("ascii")
        begin = text.index(ssl.PEM_HEADER)
        end = text.index(ssl.PEM_FOOTER, begin) + len(ssl.PEM_FOOTER)
        return _expiry_ms(ssl.PEM_cert_to_DER_cert(text[begin:end]))
    except (OSError, LookupError, ValueError):
        return None


def _expiry_ms(der: bytes) -> int:
    """Walk to `tbsCertificate.validity.notAfter`.

    Raises:
        ValueError: no certificate.

    Source: RFC 5280, 4.1; X.690, 8.1.
    """
    certificate, _rest = _element(der, _SEQUENCE)
    rest, _signature = _element(certificate, _SEQUENCE)
    if rest[0] == _VERSION:
        rest = _element(rest)[1]
    for _field in ("serialNumber", "signature", "issuer"):
        rest = _element(rest)[1]
    validity, _subject = _element(rest, _SEQUENCE)
    not_after = _element(validity)[1]
    moment, form = _element(not_after)[0].decode("ascii"), _FORMATS[not_after[0]]
    return int(datetime.strptime(moment, form).replace(tzinfo=UTC).timestamp() * 1000)


def _element(data: bytes, tag: int | None = None) -> tuple[bytes, bytes]:
    """Split off the first element: its content, and what follows it."""
    if tag is not None and data[0] != tag:
        raise ValueError(data[:1])
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size], data[start + size :]
