"""The gateway's own certificate and key: made, renewed, and kept where nobody else reads the key.

A server's administrator trusts the certificate, so another one cuts the gateway off until that is
done again. A renewed certificate therefore keeps key and application URI, and the one before stays
in use for servers that don't take the new one yet, as long as it is valid.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.durable import write_whole
from gateway.errors import ConfigError, Fault
from gateway.secret import read_secret
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

KEY_BITS = 2048
"""What all three policies take (OPC 10000-7, 6.6: 2048 to 4096)."""
VALID = timedelta(days=5 * 365)
RENEW = timedelta(days=60)
"""Left of a certificate that is renewed by itself: a month before the alarm."""


@dataclass(frozen=True, slots=True)
class Own:
    """A key and its certificate.

    Attributes:
        uri: application URI in the certificate, by which the gateway calls itself.
        previous: the certificate before, while it is valid.
    """

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    uri: str
    previous: x509.Certificate | None = None

    @property
    def choices(self) -> tuple[x509.Certificate, ...]:
        """Certificates to show, the first first."""
        return (self.certificate,) if self.previous is None else (self.certificate, self.previous)


def load(pki: Path, now: datetime | None = None) -> Own:
    """The own certificate; made where there is none, renewed where it ends soon.

    Takes up to a second where a key is made.

    Raises:
        ConfigError: the key is open to others, or is none.
        OSError: the folder can't be read or written.
    """
    now = now or datetime.now(UTC)
    if not (_key(pki).exists() and _certificate(pki).exists()):
        return make(pki, now)
    own = _read(pki, now)
    if own.certificate.not_valid_after_utc - now < RENEW:
        return make(pki, now)
    return own


def peek(pki: Path) -> x509.Certificate | None:
    """The own certificate as it is; None where there is none."""
    try:
        return x509.load_der_x509_certificate(_certificate(pki).read_bytes())
    except (OSError, ValueError):
        return None


def make(pki: Path, now: datetime | None = None) -> Own:
    """Make a certificate, with the key and the URI of the one before where there is one.

    Raises:
        ConfigError, OSError: as `load`.
    """
    now = now or datetime.now(UTC)
    folder = pki / "own"
    _folder(folder)
    before = _read(pki, now) if _key(pki).exists() and _certificate(pki).exists() else None
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "localhost"
    key = before.key if before else _made_key(_key(pki))
    uri = before.uri if before else f"urn:{host}:nxgate"
    certificate = _signed(key, uri, host, now)
    if before is not None:
        _write(folder / "previous.der", before.certificate)
    _write(_certificate(pki), certificate)
    return _read(pki, now)


def give(path: Path) -> None:
    """Have what root made belong to whom the folder around it belongs to."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        held = path.parent.stat()
        os.chown(path, held.st_uid, held.st_gid)


def _folder(folder: Path) -> None:
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        give(one)
    folder.chmod(0o700)


def _made_key(path: Path) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(65537, KEY_BITS)
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    give(fresh)
    fresh.replace(path)
    return key


def _write(path: Path, certificate: x509.Certificate) -> None:
    write_whole(path, certificate.public_bytes(serialization.Encoding.DER))
    give(path)


def _signed(key: rsa.RSAPrivateKey, uri: str, host: str, now: datetime) -> x509.Certificate:
    """An application instance certificate, as OPC 10000-6, 6.2.2 has it."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"nxgate@{host}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "nxgate"),
        ]
    )
    public = key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # it signs itself
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName(host)]
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a server's clock may be behind
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


def _read(pki: Path, now: datetime) -> Own:
    try:
        key = serialization.load_pem_private_key(read_secret(_key(pki)).encode(), None)
        certificate = x509.load_der_x509_certificate(_certificate(pki).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        uri = names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (ValueError, TypeError, LookupError, x509.ExtensionNotFound) as error:
        raise _unfit(pki) from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise _unfit(pki)
    previous: x509.Certificate | None = None
    with contextlib.suppress(OSError, ValueError):
        previous = x509.load_der_x509_certificate((pki / "own/previous.der").read_bytes())
    if previous is not None and previous.not_valid_after_utc <= now:
        previous = None
    return Own(key, certificate, uri, previous)


def _unfit(pki: Path) -> ConfigError:
    what = _("the key and the certificate in {folder} don't belong together").format(
        folder=pki / "own"
    )
    next_ = _("delete both, and have them made anew: nxgate opcua own {pki}").format(pki=pki)
    return ConfigError([Fault(str(_key(pki)), 0, 0, "bad-certificate", what, next_)])


def _key(pki: Path) -> Path:
    return pki / "own/key.pem"


def _certificate(pki: Path) -> Path:
    return pki / "own/certificate.der"
