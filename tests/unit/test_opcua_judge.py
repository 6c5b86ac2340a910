"""The certificate matrix: each fault of a server's certificate is refused with its own words."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from drivers.opcua import trust
from drivers.opcua.judge import Expected, Rejected, chain_of, judge
from tests.opcua_certificates import DAY, URI, Issued, authority, issue, key, revoke

if TYPE_CHECKING:
    from pathlib import Path


def judged(
    pki: Path,
    *chain: Issued,
    trusted: tuple[Issued, ...] | None = None,
    issuers: tuple[Issued, ...] = (),
    crls: tuple[bytes, ...] = (),
    host: str = "127.0.0.1",
) -> str:
    """The status by which a chain is refused, "" where it is believed, and its words."""
    for one in chain[:1] if trusted is None else trusted:
        trust.put(pki / "trusted", one.certificate)
    for one in issuers:
        trust.put(pki / "issuers", one.certificate)
    for number, crl in enumerate(crls):
        (pki / "crls").mkdir(exist_ok=True)
        (pki / f"crls/{number}.crl").write_bytes(crl)
    expected = Expected(host, URI, pki)
    shown = chain_of(b"".join(one.der for one in chain))
    try:
        judge(shown, trust.read(pki), expected, datetime.now(UTC))
    except Rejected as error:
        return f"{error.status}: {error.what}; {error.next}"
    return ""


def test_a_trusted_certificate_is_believed(tmp_path: Path) -> None:
    assert judged(tmp_path, issue()) == ""


def test_one_of_a_trusted_authority_is_believed(tmp_path: Path) -> None:
    root = authority()
    assert judged(tmp_path, issue(by=root), trusted=(root,)) == ""


def test_nobody_is_trusted_on_first_use(tmp_path: Path) -> None:
    server = issue()
    said = judged(tmp_path, server, trusted=())
    mark = trust.fingerprint(server.certificate)
    assert said.startswith("BadCertificateUntrusted: nobody has trusted its certificate yet; ")
    assert said.endswith(f"nxgate opcua trust {tmp_path} {mark[:16]}")
    assert mark in said


@pytest.mark.parametrize("is_leaf_trusted", [True, False])
def test_expired(tmp_path: Path, *, is_leaf_trusted: bool) -> None:
    root = authority()
    server = issue(by=root, begin=-9 * DAY, end=-2 * DAY)
    trusted = (server,) if is_leaf_trusted else (root,)
    said = judged(tmp_path, server, trusted=trusted)
    assert said.startswith("BadCertificateTimeInvalid: CN=server expired on 2")


def test_expired_authority(tmp_path: Path) -> None:
    root = issue("old", number=10, is_authority=True, begin=-9 * DAY, end=-DAY)
    said = judged(tmp_path, issue(by=root), trusted=(root,))
    assert said.startswith("BadCertificateIssuerTimeInvalid: CN=old expired")


def test_not_yet_valid(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(begin=DAY))
    assert said.startswith("BadCertificateTimeInvalid: CN=server is valid from ")
    assert "set the clock" in said


def test_wrong_uri(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(uri="urn:other"))
    assert said.startswith("BadCertificateUriInvalid: ")
    assert "urn:other, not urn:maker:server" in said
    assert "certified_uri: urn:other" in said


def test_no_uri(tmp_path: Path) -> None:
    assert judged(tmp_path, issue(uri=None)).startswith("BadCertificateUriInvalid: ")


def test_wrong_host(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(hosts=("cell-7", "10.0.0.9")))
    assert said.startswith("BadCertificateHostNameInvalid: ")
    assert "cell-7, 10.0.0.9, not 127.0.0.1" in said
    assert "certified_host: cell-7" in said


def test_hosts_are_one_name_in_any_case_and_an_address_in_any_spelling(tmp_path: Path) -> None:
    server = issue(hosts=("Cell-7.Plant", "fd00::1"))
    assert judged(tmp_path, server, host="cell-7.plant.") == ""
    assert judged(tmp_path, server, host="fd00:0:0::1") == ""
    assert judged(tmp_path, server, host="cell-7.plant.evil") != ""


def test_untrusted_issuer(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(by=authority()), trusted=())
    assert said.startswith("BadCertificateUntrusted: it was issued by CN=authority")


def test_an_issuer_that_is_known_is_not_trusted_for_that(tmp_path: Path) -> None:
    root = authority()
    said = judged(tmp_path, issue(by=root), trusted=(), issuers=(root,))
    assert said.startswith("BadCertificateUntrusted: ")


def test_an_issuer_that_the_server_shows_is_not_trusted_for_that(tmp_path: Path) -> None:
    root = authority()
    said = judged(tmp_path, issue(by=root), root, trusted=())
    assert said.startswith("BadCertificateUntrusted: ")


def test_an_authority_of_the_trusted_one_s_name_with_another_key(tmp_path: Path) -> None:
    server = issue(by=authority(number=11))
    said = judged(tmp_path, server, trusted=(authority(number=10),))
    assert said.startswith("BadCertificateUntrusted: ")


def test_a_trusted_server_is_no_authority(tmp_path: Path) -> None:
    other = issue("other", number=3)
    said = judged(tmp_path, issue(by=other), trusted=(other,))
    assert said.startswith("BadCertificateUntrusted: ")


def test_an_authority_over_servers_only_makes_no_other_authority(tmp_path: Path) -> None:
    root = authority(below=0)
    middle = issue("middle", by=root, number=11, is_authority=True, uri=None, hosts=())
    said = judged(tmp_path, issue(by=middle), middle, trusted=(root,))
    assert said.startswith("BadCertificateUntrusted: ")


def test_a_chain_over_an_issuer_that_the_server_shows(tmp_path: Path) -> None:
    root = authority()
    middle = issue("middle", by=root, number=11, is_authority=True, uri=None, hosts=())
    assert judged(tmp_path, issue(by=middle), middle, trusted=(root,)) == ""


def test_revoked(tmp_path: Path) -> None:
    root = authority()
    server = issue(by=root, serial=77)
    said = judged(tmp_path, server, trusted=(root,), crls=(revoke(root, 5, 77),))
    assert said.startswith("BadCertificateRevoked: CN=server was revoked by CN=authority")


def test_revoked_although_it_is_trusted_itself(tmp_path: Path) -> None:
    root = authority()
    server = issue(by=root, serial=77)
    said = judged(tmp_path, server, issuers=(root,), crls=(revoke(root, 77),))
    assert said.startswith("BadCertificateRevoked: ")


def test_revoked_issuer(tmp_path: Path) -> None:
    root = authority()
    middle = issue("middle", by=root, number=11, is_authority=True, serial=8)
    said = judged(tmp_path, issue(by=middle), middle, trusted=(root,), crls=(revoke(root, 8),))
    assert said.startswith("BadCertificateRevoked: CN=middle")


def test_another_authority_s_list_revokes_nothing_by_the_same_serial(tmp_path: Path) -> None:
    root, other = authority(), authority("other", number=11)
    server = issue(by=root, serial=77)
    said = judged(tmp_path, server, trusted=(root, other), crls=(revoke(other, 77),))
    assert said == ""


def test_a_list_in_the_authority_s_name_that_another_key_signed_revokes_nothing(
    tmp_path: Path,
) -> None:
    root, other = authority(), authority("other", number=11)
    forged = revoke(other, 77, name=root.certificate.subject)
    assert judged(tmp_path, issue(by=root, serial=77), trusted=(root,), crls=(forged,)) == ""


def test_weak_key(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(bits=1024))
    assert said.startswith("BadCertificatePolicyCheckFailed: the key in CN=server has 1024 bits")


def test_weak_key_of_the_authority(tmp_path: Path) -> None:
    root = issue("weak", bits=1024, number=12, is_authority=True)
    said = judged(tmp_path, issue(by=root), trusted=(root,))
    assert said.startswith("BadCertificatePolicyCheckFailed: the key in CN=weak has 1024 bits")


def test_weak_signature(tmp_path: Path) -> None:
    names = f"subjectAltName=URI:{URI},IP:127.0.0.1"
    command = "openssl req -x509 -sha1 -newkey rsa:2048 -nodes -keyout key.pem -outform DER"
    more = ["-subj", "/CN=server", "-addext", names, "-out", "cert.der"]
    subprocess.run([*command.split(), *more], check=True, capture_output=True, cwd=tmp_path)
    server = x509.load_der_x509_certificate((tmp_path / "cert.der").read_bytes())
    said = judged(tmp_path, Issued(server, key()))
    assert said.startswith("BadCertificatePolicyCheckFailed: CN=server is signed with sha1")


def test_changed_key(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(number=2), trusted=(issue(),))
    assert said.startswith("BadCertificateUntrusted: the server shows another key than the trusted")


def test_renewed_with_the_same_key(tmp_path: Path) -> None:
    said = judged(tmp_path, issue(end=700 * DAY), trusted=(issue(),))
    assert "another certificate than the trusted" in said


def test_not_made_for_signing(tmp_path: Path) -> None:
    assert judged(tmp_path, issue(signing=False)).startswith("BadCertificateUseNotAllowed: ")


@pytest.mark.parametrize("data", [b"", b"\x30", b"hello, world", b"\x30\x84\xff\xff\xff\xff" * 3])
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        chain_of(data)


def test_a_stranger_fills_no_disk(tmp_path: Path) -> None:
    shown = [issue(f"stranger-{number}").certificate for number in range(trust.MOST_REJECTED + 3)]
    for one in shown:
        trust.reject(tmp_path, one)
        trust.reject(tmp_path, one)
    kept = trust.rejected(tmp_path)
    assert len(kept) == trust.MOST_REJECTED
    assert shown[-1] in kept
    assert shown[0] not in kept


def test_files_that_are_no_certificates_trust_nobody(tmp_path: Path) -> None:
    trust.put(tmp_path / "trusted", issue().certificate)
    (tmp_path / "trusted/notes.txt").write_text("plant 3")
    held = trust.read(tmp_path)
    assert [path.name for path in held.unread] == ["notes.txt"]
    assert len(held.trusted) == 1
    assert isinstance(trust.parse(revoke(authority())), x509.CertificateRevocationList)


def test_a_key_of_elliptic_curves(tmp_path: Path) -> None:
    names = f"subjectAltName=URI:{URI},IP:127.0.0.1"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    more = ["-keyout", "key.pem", "-outform", "DER", "-subj", "/CN=server", "-out", "cert.der"]
    command_line = [*command.split(), "-addext", names, *more]
    subprocess.run(command_line, check=True, capture_output=True, cwd=tmp_path)
    server = x509.load_der_x509_certificate((tmp_path / "cert.der").read_bytes())
    said = judged(tmp_path, Issued(server, key()))
    assert said.startswith("BadCertificatePolicyCheckFailed: the key in CN=server is none of RSA")
