"""A server may show anything: it is refused in words, whatever it is."""

from __future__ import annotations

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.opcua import trust
from drivers.opcua.secure import _believed
from drivers.opcua.settings import Settings
from gateway.errors import ConnectionLost
from tests.opcua_certificates import URI, known


def shown(data: bytes) -> ua.EndpointDescription:
    endpoint = ua.EndpointDescription()
    endpoint.ServerCertificate = data
    endpoint.Server.ApplicationUri = URI
    return endpoint


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    pki = tmp_path_factory.mktemp("pki")
    trust.put(pki / "trusted", known().certificate)
    return Settings("opc.tcp://127.0.0.1", "127.0.0.1", 4840, pki=str(pki))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_certificate_with_other_bytes_is_refused(place: Settings, data: st.DataObject) -> None:
    whole = known().der
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != whole[at]))
    with pytest.raises(ConnectionLost, match=r"is not believed"):
        _believed(shown(whole[:at] + bytes([byte]) + whole[at + 1 :]), place)


def test_the_right_one_is_believed(place: Settings) -> None:
    assert _believed(shown(known().der), place) == known().certificate
