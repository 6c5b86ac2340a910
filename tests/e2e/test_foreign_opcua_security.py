"""node-opcua's server, secured: every policy and mode, every kind of user, and its refusals."""

from __future__ import annotations

from shutil import rmtree
from typing import TYPE_CHECKING

import pytest

from drivers.opcua import own, trust
from tests.e2e.foreign_opcua import CELL, NodeOpcua, needs_node_opcua, node_opcua
from tests.opcua_certificates import URI, issue, known
from tests.unit.test_opcua_secure import POLICIES, connect, refused, secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_node_opcua


def serving(folder: Path, *, accept_all: bool) -> dict[str, object]:
    cert, key = known().save(folder / "server")
    return {
        "namespaces": [CELL],
        "folder": folder,
        "application": URI,
        "certificate": str(cert),
        "key": str(key),
        "users": {"nxgate": "pass-2b"},
        "accept_all": accept_all,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeOpcua]:
    folder = tmp_path_factory.mktemp("node")
    with node_opcua(**serving(folder, accept_all=True)) as running:
        yield running


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    trust.put(folder / "trusted", known().certificate)
    own.load(folder)
    return folder


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("who", ["anonymous", "name", "certificate"])
def test_each_policy_mode_and_user(
    server: NodeOpcua, pki: Path, policy: str, mode: str, who: str
) -> None:
    named: dict[str, str] = {}
    if who == "name":
        named = {"user": "nxgate", "password": secret(pki, "pass-2b")}
    elif who == "certificate":
        cert, key = issue("operator", number=4).save(pki / "user")
        named = {"cert": str(cert), "key": str(key)}
    connect(server.port, pki, policy=policy, mode=mode, **named)


def test_a_wrong_password(server: NodeOpcua, pki: Path) -> None:
    said = refused(server.port, pki, user="nxgate", password=secret(pki, "secret-9"))
    assert "check security: user" in said
    assert "secret-9" not in said


def test_a_server_that_is_not_trusted(server: NodeOpcua, tmp_path: Path) -> None:
    assert "nobody has trusted its certificate yet" in refused(server.port, tmp_path)


def test_a_server_that_does_not_trust_the_gateway(pki: Path, tmp_path: Path) -> None:
    with node_opcua(**serving(tmp_path, accept_all=False)) as strict:
        said = refused(strict.port, pki)
        assert f"nxgate opcua own {pki}" in said
        rmtree(tmp_path / "pki/rejected")
        trust.put(tmp_path / "pki/trusted/certs", own.load(pki).certificate)
    with node_opcua(**serving(tmp_path, accept_all=False)) as strict:
        connect(strict.port, pki)
