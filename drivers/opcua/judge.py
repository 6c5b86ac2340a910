"""Whether a server's certificate is to be believed (OPC 10000-4, 6.1.3), and if not, why.

asyncua checks little of this, and looks for a revoked certificate by its serial number alone, which
other authorities give out as well; here a list counts for the authority that signed it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from drivers.opcua.trust import fingerprint
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from drivers.opcua.trust import Trust

LEAST_BITS, MOST_BITS = 2048, 4096
"""Of an RSA key, in each of the policies (OPC 10000-7, 6.6)."""
HASHES = frozenset({"sha256", "sha384", "sha512"})
LONGEST = 6
"""Certificates in a chain that is followed."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a server's certificate must say.

    Attributes:
        host: name or address in the link, or the one that the site file says it carries.
        uri: of the application: what the server calls itself, or as the site file says.
        pki: folder of the trust lists, for the command that mends it.
    """

    host: str
    uri: str
    pki: Path


class Rejected(Exception):  # noqa: N818 - the field's word
    """A certificate that is not believed.

    Attributes:
        status: what the standard calls it.
        what: the cause, in words.
        next: what to do.
    """

    def __init__(self, status: str, what: str, next_: str) -> None:
        super().__init__(status, what, next_)
        self.status = status
        self.what = what
        self.next = next_


def judge(
    chain: Sequence[x509.Certificate], trust: Trust, expected: Expected, now: datetime
) -> None:
    """Believe a server's certificate, or say why not.

    Args:
        chain: what the server showed, its own certificate first.
        trust: whom the gateway trusts.
        expected: host and URI.
        now: UTC.

    Raises:
        Rejected: the first thing that is wrong.
    """
    leaf = chain[0]
    path = _path(leaf, chain[1:], trust)
    for certificate in path:
        _strong(certificate, is_root=_is_root(certificate))
    _trusted(path, trust, expected)
    for number, certificate in enumerate(path):
        _in_time(certificate, expected, now, is_leaf=not number)
    for certificate, issuer in pairwise(path):
        _unrevoked(certificate, issuer, trust)
    _usable(leaf)
    _named(leaf, expected)


def chain_of(data: bytes) -> list[x509.Certificate]:
    """Split what a server shows: certificates in DER, one behind the other.

    Raises:
        ValueError: it is none.

    Source: OPC 10000-6, 6.2.6.
    """
    found: list[x509.Certificate] = []
    while data and len(found) < LONGEST:
        if len(data) < 4 or data[0] != 0x30:  # noqa: PLR2004 - a sequence's head
            raise ValueError(data[:4])
        size, start = data[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[2:start], "big")
        found.append(x509.load_der_x509_certificate(data[: start + size]))
        data = data[start + size :]
    if not found:
        raise ValueError(data)
    return found


def uris(certificate: x509.Certificate) -> list[str]:
    """Application URIs that a certificate carries."""
    names = _names(certificate)
    return names.get_values_for_type(x509.UniformResourceIdentifier) if names else []


def hosts(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses that a certificate carries."""
    names = _names(certificate)
    if names is None:
        return []
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _path(
    leaf: x509.Certificate, shown: Sequence[x509.Certificate], trust: Trust
) -> list[x509.Certificate]:
    """The leaf and its issuers, as far as they are known; each has signed the one before."""
    known = [*trust.trusted, *trust.issuers, *shown]
    path = [leaf]
    while not _is_root(path[-1]) and len(path) < LONGEST:
        issuer = next((one for one in known if _issued(path[-1], one, len(path) - 1)), None)
        if issuer is None:
            break
        path.append(issuer)
    return path


def _issued(certificate: x509.Certificate, by: x509.Certificate, between: int) -> bool:
    """Whether one was signed by an authority that may have so many others below it."""
    if certificate.issuer != by.subject or not _is_authority(by):
        return False
    most = by.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if most is not None and between > most:
        return False
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return found.value.ca and usage.value.key_cert_sign


def _is_root(certificate: x509.Certificate) -> bool:
    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _strong(certificate: x509.Certificate, *, is_root: bool) -> None:
    key = certificate.public_key()
    bits = key.key_size if isinstance(key, rsa.RSAPublicKey) else 0
    next_ = _("have its administrator make it a certificate with RSA 2048 and SHA-256 or better")
    if not LEAST_BITS <= bits <= MOST_BITS:
        what = (
            _("the key in {name} has {bits} bits, {least} to {most} are safe").format(
                name=name_of(certificate), bits=bits, least=LEAST_BITS, most=MOST_BITS
            )
            if bits
            else _("the key in {name} is none of RSA").format(name=name_of(certificate))
        )
        raise Rejected("BadCertificatePolicyCheckFailed", what, next_)
    digest = certificate.signature_hash_algorithm
    if not (digest and digest.name in HASHES) and not (is_root and _is_authority(certificate)):
        what = _("{name} is signed with {hash}, which can be forged").format(
            name=name_of(certificate), hash=digest.name if digest else "?"
        )
        raise Rejected("BadCertificatePolicyCheckFailed", what, next_)


def _trusted(path: Sequence[x509.Certificate], trust: Trust, expected: Expected) -> None:
    leaf = path[0]
    if any(one in trust.trusted for one in path):
        return
    mark = fingerprint(leaf)
    trusting = _("compare {mark} with what the server shows, then: {command}").format(
        mark=mark, command=f"nxgate opcua trust {expected.pki} {mark[:16]}"
    )
    named = set(uris(leaf))
    for held in trust.trusted:
        if named & set(uris(held)):
            what = _("the server shows another certificate than the trusted {mark}").format(
                mark=fingerprint(held)[:16]
            )
            if held.public_key() != leaf.public_key():
                what = _(
                    "the server shows another key than the trusted {mark}: it was renewed, or "
                    "somebody is in its place"
                ).format(mark=fingerprint(held)[:16])
            raise Rejected("BadCertificateUntrusted", what, trusting)
    if _is_root(leaf):
        what = _("nobody has trusted its certificate yet")
    else:
        what = _("it was issued by {issuer}, whom nobody has trusted").format(
            issuer=leaf.issuer.rfc4514_string()
        )
    raise Rejected("BadCertificateUntrusted", what, trusting)


def _in_time(
    certificate: x509.Certificate, expected: Expected, now: datetime, *, is_leaf: bool
) -> None:
    status = "BadCertificateTimeInvalid" if is_leaf else "BadCertificateIssuerTimeInvalid"
    if now > certificate.not_valid_after_utc:
        what = _("{name} expired on {day}").format(
            name=name_of(certificate), day=f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        )
        next_ = _("have its administrator renew it, then: {command}").format(
            command=f"nxgate opcua trust {expected.pki}"
        )
        raise Rejected(status, what, next_)
    if now < certificate.not_valid_before_utc:
        what = _("{name} is valid from {day}, and here it is {now}").format(
            name=name_of(certificate),
            day=f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC",
            now=f"{now:%Y-%m-%d %H:%M} UTC",
        )
        raise Rejected(status, what, _("set the clock, of the server or here: timedatectl"))


def _unrevoked(certificate: x509.Certificate, issuer: x509.Certificate, trust: Trust) -> None:
    for crl in trust.crls:
        if crl.issuer != issuer.subject or not _signed(crl, issuer):
            continue
        if crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            what = _("{name} was revoked by {issuer}").format(
                name=name_of(certificate), issuer=issuer.subject.rfc4514_string()
            )
            next_ = _("have its administrator get it another one")
            raise Rejected("BadCertificateRevoked", what, next_)


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False


def _usable(leaf: x509.Certificate) -> None:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return
    if not usage.digital_signature:
        what = _("its certificate is not made for signing (key usage)")
        next_ = _("have its administrator make it an OPC UA application certificate")
        raise Rejected("BadCertificateUseNotAllowed", what, next_)


def _named(leaf: x509.Certificate, expected: Expected) -> None:
    carried = uris(leaf)
    if expected.uri not in carried:
        what = _("its certificate carries the application URI {carried}, not {uri}").format(
            carried=", ".join(carried) or _("none"), uri=expected.uri
        )
        next_ = _("have its administrator make the certificate anew")
        if carried:
            more = _("if it is the right server, write security: {{certified_uri: {uri}}}")
            next_ = f"{next_}; {more.format(uri=carried[0])}"
        raise Rejected("BadCertificateUriInvalid", what, next_)
    names = hosts(leaf)
    if not any(_same(expected.host, name) for name in names):
        what = _("its certificate is for the host {names}, not {host}").format(
            names=", ".join(names) or _("none"), host=expected.host
        )
        next_ = _("have its administrator put {host} into it").format(host=expected.host)
        if names:
            more = _("if it is the right server, write security: {{certified_host: {name}}}")
            next_ = f"{next_}; {more.format(name=names[0])}"
        raise Rejected("BadCertificateHostNameInvalid", what, next_)


def _same(host: str, name: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(name)
    except ValueError:
        return host.rstrip(".").lower() == name.rstrip(".").lower()


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def name_of(certificate: x509.Certificate) -> str:
    """A certificate's name, for people."""
    return certificate.subject.rfc4514_string()
