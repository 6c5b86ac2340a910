"""Whom the gateway trusts: folders of certificates, which people fill.

| folder | holds |
|---|---|
| `trusted/` | certificates of servers, or of authorities all of whose servers are trusted |
| `issuers/` | authorities that only complete a chain; they are not trusted for themselves |
| `crls/` | what authorities revoked |
| `rejected/` | certificates that servers showed and that were refused; for people to look at |

A certificate gets into `trusted/` by a person's hand only (`nxgate opcua trust`). Files are DER or
PEM, and are read each time a connection is opened.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from drivers.opcua.own import give
from gateway.durable import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDERS = ("trusted", "issuers", "rejected")
MOST_REJECTED = 20
"""Files in `rejected/`; a stranger who shows new ones all the time fills no disk."""
LARGEST = 1 << 20
"""Bytes of a file that is read: lists of revoked certificates are the largest."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the folders held when they were read.

    Attributes:
        unread: files that are neither certificates nor lists.
    """

    trusted: tuple[x509.Certificate, ...] = ()
    issuers: tuple[x509.Certificate, ...] = ()
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    unread: tuple[Path, ...] = field(default=())


def read(pki: Path) -> Trust:
    """Read all folders; what is no certificate is told, and trusts nobody."""
    unread: list[Path] = []
    return Trust(
        tuple(_certificates(pki / "trusted", unread)),
        tuple(_certificates(pki / "issuers", unread)),
        tuple(_crls(pki / "crls", unread)),
        tuple(unread),
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 over the certificate, as hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def rejected(pki: Path) -> tuple[x509.Certificate, ...]:
    """Certificates that were refused."""
    return tuple(_certificates(pki / "rejected", []))


def reject(pki: Path, certificate: x509.Certificate) -> None:
    """Keep a refused certificate for people to look at, in place of the oldest.

    A folder that can't be written takes nothing from the refusal.
    """
    folder = pki / "rejected"
    with contextlib.suppress(OSError):
        if any(held == certificate for held in rejected(pki)):
            return
        put(folder, certificate)
        files = sorted(folder.glob("*.der"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_REJECTED]:
            path.unlink()


def put(folder: Path, certificate: x509.Certificate) -> Path:
    """Write a certificate into a folder, named by its fingerprint; where it went.

    Raises:
        OSError: the folder can't be written.
    """
    return _put(folder, f"{fingerprint(certificate)[:40]}.der", _der(certificate))


def put_crl(pki: Path, crl: x509.CertificateRevocationList) -> Path:
    """Write a list of revoked certificates, in place of the issuer's one before.

    Raises:
        OSError: the folder can't be written.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", crl.issuer.rfc4514_string())[:80]
    kind = crl.extensions
    try:
        key = kind.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        key = None
    tail = (key or b"").hex()[:16]
    return _put(pki / "crls", f"{name}-{tail}.crl", crl.public_bytes(serialization.Encoding.DER))


def move(pki: Path, certificate: x509.Certificate, folder: str) -> Path:
    """Put a certificate into one folder, and out of the others; where it went.

    Raises:
        OSError: a folder can't be written.
    """
    path = put(pki / folder, certificate)
    drop(pki, certificate, but=path)
    return path


def drop(pki: Path, certificate: x509.Certificate, but: Path | None = None) -> None:
    """Take a certificate out of every folder.

    Raises:
        OSError: a folder can't be written.
    """
    for name in FOLDERS:
        for path in _files(pki / name):
            if path != but and _certificate(path) == certificate:
                path.unlink()


def parse(data: bytes) -> x509.Certificate | x509.CertificateRevocationList:
    """Read a certificate or a list of revoked ones, DER or PEM.

    Raises:
        ValueError: neither.
    """
    if b"-----BEGIN X509 CRL" in data:
        return x509.load_pem_x509_crl(data)
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    with contextlib.suppress(ValueError):
        return x509.load_der_x509_certificate(data)
    return x509.load_der_x509_crl(data)


def _put(folder: Path, name: str, content: bytes) -> Path:
    if not folder.exists():
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in reversed(missing):
            give(one)
    path = folder / name
    write_whole(path, content)
    give(path)
    return path


def _certificates(folder: Path, unread: list[Path]) -> Iterable[x509.Certificate]:
    for path in _files(folder):
        certificate = _certificate(path)
        if certificate is None:
            unread.append(path)
        else:
            yield certificate


def _crls(folder: Path, unread: list[Path]) -> Iterable[x509.CertificateRevocationList]:
    for path in _files(folder):
        held = _read(path)
        if isinstance(held, x509.CertificateRevocationList):
            yield held
        else:
            unread.append(path)


def _certificate(path: Path) -> x509.Certificate | None:
    held = _read(path)
    return held if isinstance(held, x509.Certificate) else None


def _read(path: Path) -> x509.Certificate | x509.CertificateRevocationList | None:
    try:
        with path.open("rb") as file:
            return parse(file.read(LARGEST))
    except (OSError, ValueError):
        return None


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
