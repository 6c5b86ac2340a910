"""Certificates of servers and of authorities, right ones and ones with one thing wrong."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

URI = "urn:maker:server"
DAY = timedelta(days=1)


@cache
def key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of each number, made once."""
    del number
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def save(self, folder: Path) -> tuple[Path, Path]:
        """Write both as PEM."""
        folder.mkdir(parents=True, exist_ok=True)
        cert, private = folder / "cert.pem", folder / "key.pem"
        cert.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        private.chmod(0o600)
        return cert, private


def issue(
    name: str = "server",
    by: Issued | None = None,
    *,
    uri: str | None = URI,
    hosts: tuple[str, ...] = ("127.0.0.1",),
    begin: timedelta = -DAY,
    end: timedelta = 365 * DAY,
    bits: int = 2048,
    number: int = 0,
    is_authority: bool = False,
    below: int | None = None,
    serial: int | None = None,
    signing: bool = True,
) -> Issued:
    """Make a certificate; without `by`, it signs itself."""
    own = key(number, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [] if uri is None else [x509.UniformResourceIdentifier(uri)]
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(is_authority, below), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signing,
                content_commitment=True,
                key_encipherment=True,
                data_encipherment=True,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signer = by.key if by else own
    return Issued(builder.sign(signer, hashes.SHA256()), own)


@cache
def known() -> Issued:
    """The certificate of the server that all goes well with."""
    return issue()


def authority(name: str = "authority", number: int = 10, below: int | None = None) -> Issued:
    """An authority that signs itself."""
    return issue(name, number=number, is_authority=True, uri=None, hosts=(), below=below)


def revoke(by: Issued, *serials: int, name: x509.Name | None = None) -> bytes:
    """A list of revoked serial numbers, DER."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name or by.certificate.subject)
        .last_update(now - DAY)
        .next_update(now + DAY)
    )
    for serial in serials:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY)
        builder = builder.add_revoked_certificate(one.build())
    made = builder.sign(by.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)
