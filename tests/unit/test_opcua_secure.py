"""Policies, modes, users and refusals against asyncua's own server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from asyncua import ua

from drivers.opcua import own, plugin, trust
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost
from tests.opcua_certificates import DAY, Issued, issue, known
from tests.opcua_secured import ALL, Secured

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = ("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")


def connect(port: int, pki: Path, **security: str) -> None:
    """Open a link as the gateway does, and close it."""

    async def run() -> None:
        given = {"pki": str(pki), **security}
        link = plugin.link(f"opc.tcp://127.0.0.1:{port}/?{urlencode(given)}", SystemClock())
        await link.open()
        assert link.is_open
        await link.close()

    asyncio.run(run())


def refused(port: int, pki: Path, **security: str) -> str:
    with pytest.raises(ConnectionLost) as caught:
        connect(port, pki, **security)
    return str(caught.value)


def secret(folder: Path, text: str) -> str:
    path = folder / "password"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def user() -> Issued:
    return issue("operator", number=4)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Secured]:
    with Secured(known(), folder) as serving:
        yield serving


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lists that trust the server, and a certificate of our own; a key takes time to make."""
    pki = tmp_path_factory.mktemp("made")
    trust.put(pki / "trusted", known().certificate)
    own.load(pki)
    return pki


@pytest.fixture
def pki(tmp_path: Path, made: Path) -> Path:
    """A copy of them."""
    return Path(copytree(made, tmp_path / "pki"))


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("who", ["anonymous", "name", "certificate"])
def test_each_policy_mode_and_user(
    server: Secured, pki: Path, user: Issued, policy: str, mode: str, who: str
) -> None:
    named: dict[str, str] = {}
    if who == "name":
        named = {"user": "nxgate", "password": secret(pki, "pass-2b")}
    elif who == "certificate":
        cert, key = user.save(pki / "user")
        named = {"cert": str(cert), "key": str(key)}
    connect(server.port, pki, policy=policy, mode=mode, **named)


def test_nobody_is_trusted_on_first_use_and_what_is_refused_is_kept(
    server: Secured, pki: Path
) -> None:
    trust.drop(pki, known().certificate)
    said = refused(server.port, pki)
    mark = trust.fingerprint(known().certificate)
    assert "nobody has trusted its certificate yet (BadCertificateUntrusted)" in said
    assert f"nxgate opcua trust {pki} {mark[:16]}" in said
    assert trust.rejected(pki) == (known().certificate,)
    trust.move(pki, known().certificate, "trusted")
    assert trust.rejected(pki) == ()
    connect(server.port, pki)


@pytest.mark.soak  # a server of its own takes seconds to start
def test_a_host_that_the_certificate_does_not_carry(folder: Path, pki: Path) -> None:
    other = issue(hosts=("cell-7",))
    trust.put(pki / "trusted", other.certificate)
    with Secured(other, folder / "other") as serving:
        assert "(BadCertificateHostNameInvalid)" in refused(serving.port, pki)
        connect(serving.port, pki, certified_host="cell-7")


@pytest.mark.soak  # a server of its own takes seconds to start
def test_a_uri_that_the_certificate_does_not_carry(folder: Path, pki: Path) -> None:
    other = issue(uri="urn:cloned")
    trust.put(pki / "trusted", other.certificate)
    with Secured(other, folder / "uri") as serving:
        assert "(BadCertificateUriInvalid)" in refused(serving.port, pki)
        connect(serving.port, pki, certified_uri="urn:cloned")


def test_another_key_at_the_next_connection(server: Secured, folder: Path, pki: Path) -> None:
    connect(server.port, pki)
    with Secured(issue(number=2), folder / "swap") as other:
        said = refused(other.port, pki)
    assert "shows another key than the trusted" in said
    assert "somebody is in its place" in said


def test_a_server_that_offers_only_none(folder: Path, pki: Path) -> None:
    only = (ua.SecurityPolicyType.NoSecurity,)
    with Secured(known(), folder / "none", policies=only) as serving:
        said = refused(serving.port, pki)
        assert "no endpoint Basic256Sha256/SignAndEncrypt, it offers None/None" in said
        assert "switch Basic256Sha256 on" in said
        password = secret(pki, "pass-2b")
        connect(serving.port, pki, policy="None", mode="None")
        said = refused(
            serving.port, pki, policy="None", mode="None", user="nxgate", password=password
        )
        assert "in a way that others can read" in said


@pytest.mark.soak  # a server of its own takes seconds to start
def test_a_policy_that_is_not_offered_names_those_that_are(folder: Path, pki: Path) -> None:
    with Secured(known(), folder / "few", policies=ALL[:1]) as serving:
        said = refused(serving.port, pki, policy="Aes256_Sha256_RsaPss")
    assert "it offers Basic256Sha256/Sign: write one of them under security" in said


@pytest.mark.parametrize("password", ["secret-9", "pass-2"])
def test_a_wrong_password(server: Secured, pki: Path, password: str) -> None:
    said = refused(server.port, pki, user="nxgate", password=secret(pki, password))
    assert "check security: user" in said
    assert password not in said


def test_a_user_who_is_not_known_by_certificate(server: Secured, pki: Path) -> None:
    cert, key = issue("stranger", number=5).save(pki / "user")
    said = refused(server.port, pki, cert=str(cert), key=str(key))
    assert "check security: user, password or cert" in said or "check security: user and" in said


@pytest.mark.soak  # a server of its own takes seconds to start
def test_a_kind_of_user_that_the_server_does_not_take(folder: Path, pki: Path) -> None:
    tokens = (ua.UserNameIdentityToken,)
    with Secured(known(), folder / "names", tokens=tokens) as serving:
        said = refused(serving.port, pki)
    assert "takes user and password here, not anonymous users" in said


def test_a_password_that_others_can_read(server: Secured, pki: Path) -> None:
    path = pki / "open"
    path.write_text("pass-2b")
    path.chmod(0o644)
    said = refused(server.port, pki, user="nxgate", password=str(path))
    assert "other users can read" in said


def test_a_server_that_does_not_trust_the_gateway(folder: Path, pki: Path, tmp_path: Path) -> None:
    trusts = tmp_path / "clients"
    trust.put(trusts, issue("stranger", number=5).certificate)
    with Secured(known(), folder / "strict", trusts=trusts) as serving:
        said = refused(serving.port, pki)
        assert f"nxgate opcua own {pki}" in said
        assert "trust" in said
    mine = own.load(pki)
    trust.put(trusts, mine.certificate)
    with Secured(known(), folder / "strict", trusts=trusts) as serving:
        connect(serving.port, pki)
        renewed = own.make(pki)
        assert renewed.certificate != mine.certificate
        assert renewed.previous == mine.certificate
        connect(serving.port, pki)


def test_the_own_key_is_nobody_else_s(pki: Path) -> None:
    mine = own.load(pki)
    key = pki / "own/key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert own.load(pki).certificate == mine.certificate
    key.chmod(0o644)
    said = refused(1, pki)
    assert "127.0.0.1:1" in said


def test_the_own_certificate_is_renewed_in_time(pki: Path) -> None:
    first = own.load(pki)
    late = first.certificate.not_valid_after_utc - own.RENEW
    assert own.load(pki, late).certificate == first.certificate
    renewed = own.load(pki, late + DAY)
    assert renewed.certificate.not_valid_after_utc == late + DAY + own.VALID
    assert renewed.certificate.public_key() == first.certificate.public_key()
    assert renewed.uri == first.uri
    assert renewed.choices == (renewed.certificate, first.certificate)
