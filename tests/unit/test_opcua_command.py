"""`nxgate opcua own`, `trust` and `list`, as a person types them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from drivers.opcua import trust
from gateway.cli import cli
from tests.opcua_certificates import Issued, authority, issue, known, revoke

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["opcua", *map(str, words)])


@pytest.fixture(scope="module")
def server() -> Issued:
    return known()


def test_own_makes_a_certificate_once_and_writes_it_out(tmp_path: Path) -> None:
    first = run("own", tmp_path, "--out", tmp_path / "out.der")
    assert first.exit_code == 0
    made = x509.load_der_x509_certificate((tmp_path / "out.der").read_bytes())
    assert trust.fingerprint(made) in first.output
    assert trust.fingerprint(made) in run("own", tmp_path).output
    renewed = run("own", tmp_path, "--renew").output
    assert trust.fingerprint(made) not in renewed
    assert "are shown the one before" in renewed
    assert (tmp_path / "own/key.pem").stat().st_mode & 0o777 == 0o600


def test_trust_takes_what_was_refused_by_its_fingerprint(tmp_path: Path, server: Issued) -> None:
    mark = trust.fingerprint(server.certificate)
    assert run("trust", tmp_path).exit_code == 0
    trust.reject(tmp_path, server.certificate)
    waiting = run("trust", tmp_path)
    assert waiting.exit_code == 1
    assert mark in waiting.output
    for short in (mark[:7], "0" * 8):
        assert run("trust", tmp_path, short).exit_code == 1
    assert trust.read(tmp_path).trusted == ()
    spaced = ":".join(mark[at : at + 2] for at in range(0, 20, 2)).upper()
    assert run("trust", tmp_path, spaced).exit_code == 0
    assert trust.read(tmp_path).trusted == (server.certificate,)
    assert trust.rejected(tmp_path) == ()
    assert mark in run("list", tmp_path).output.partition("trusted:")[2]
    assert run("trust", tmp_path, mark, "--remove").exit_code == 0
    assert trust.read(tmp_path).trusted == ()


def test_trust_takes_files_of_each_kind_and_no_others(tmp_path: Path) -> None:
    root = authority()
    cert, key = root.save(tmp_path / "files")
    crl = tmp_path / "files/list.crl"
    crl.write_bytes(revoke(root, 77))
    pki = tmp_path / "pki"
    assert run("trust", pki, cert, "--issuer").exit_code == 0
    assert trust.read(pki).issuers == (root.certificate,)
    assert run("trust", pki, cert).exit_code == 0
    held = trust.read(pki)
    assert (held.trusted, held.issuers) == ((root.certificate,), ())
    assert run("trust", pki, crl).exit_code == 0
    crl.write_bytes(revoke(root, 77, 78))
    assert run("trust", pki, crl).exit_code == 0
    (kept,) = trust.read(pki).crls
    assert len(kept) == 2
    assert "revoked by CN=authority: 2" in run("list", pki).output
    assert run("trust", pki, key).exit_code == 1


def test_a_site_file_names_the_folder(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    lines = [
        "site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}",
        "store: {path: data}",
        "devices:",
        '  a: {link: "opc.tcp://10.0.0.1", tags: {x: {at: "ns=2;s=x"}}}',
    ]
    site.write_text("\n".join(lines))
    trust.put(tmp_path / "data/pki/trusted", issue("mine").certificate)
    assert "CN=mine" in run("list", site).output
    more = '  b: {link: "opc.tcp://10.0.0.2", security: {pki: other}, tags: {x: {at: "ns=2;s=x"}}}'
    site.write_text("\n".join([*lines, more]))
    said = run("list", site)
    assert said.exit_code == 1
    assert str(tmp_path / "other") in said.output
