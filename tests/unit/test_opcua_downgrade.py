"""Somebody on the way who changes what a server offers, before anything is secured."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from drivers.opcua import own, plugin, trust
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost
from tests.opcua_certificates import issue, known
from tests.opcua_kit import Relay
from tests.opcua_secured import Secured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with Secured(known(), tmp_path_factory.mktemp("server")) as serving:
        yield serving.port


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    trust.put(folder / "trusted", known().certificate)
    own.load(folder)
    return folder


def through(port: int, pki: Path, spoil: Callable[[bytes], bytes]) -> str:
    """What a link says that goes over somebody who changes answers; "" where it opens."""

    async def run() -> str:
        relay = Relay(port)
        relay.spoil = spoil
        await relay.start()
        given = urlencode({"pki": str(pki)})
        link = plugin.link(f"opc.tcp://127.0.0.1:{relay.port}/?{given}", SystemClock())
        try:
            await link.open()
        except ConnectionLost as error:
            return str(error)
        finally:
            await link.close()
            await relay.stop()
        return ""

    return asyncio.run(run())


def test_who_changes_nothing_is_not_noticed(port: int, pki: Path) -> None:
    assert through(port, pki, bytes) == ""


def test_another_endpoint_than_the_chosen_one_is_changed(port: int, pki: Path) -> None:
    said = through(port, pki, lambda chunk: chunk.replace(b"Aes256_Sha256", b"Aes999_Sha256"))
    assert "in the secured session the server offers other endpoints than before it" in said


def test_the_chosen_endpoint_is_taken_out(port: int, pki: Path) -> None:
    said = through(port, pki, lambda chunk: chunk.replace(b"#Basic256Sha256", b"#Broken56Sha256"))
    assert "no endpoint Basic256Sha256/SignAndEncrypt" in said


def test_ways_to_name_a_user_are_changed(port: int, pki: Path) -> None:
    said = through(port, pki, lambda chunk: chunk.replace(b"anonymous", b"anonymouX"))
    assert "in the secured session the server offers other endpoints" in said


def test_another_certificate_is_put_in(port: int, pki: Path) -> None:
    theirs = issue(number=2, serial=known().certificate.serial_number)

    def swapped(chunk: bytes) -> bytes:
        mine, other = known().der, theirs.der
        assert len(mine) == len(other)
        return chunk.replace(mine, other)

    said = through(port, pki, swapped)
    assert "shows another key than the trusted" in said
