"""What goes to a broker and comes from it, in pieces of any length."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest
from amqtt.mqtt.publish import PublishPacket
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTProtocolVersion

from gateway.publishers.mqtt_packets import Client

if TYPE_CHECKING:
    from amqtt.adapters import ReaderAdapter
    from amqtt.mqtt import MQTTFixedHeader

PINGRESP = b"\xd0\0"


class Wire:
    """A socket that gives what the test has put there, and keeps what it was sent."""

    def __init__(self, pieces: list[bytes] | None = None) -> None:
        self.pieces = list(pieces or [])
        self.sent = b""

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        piece = self.pieces.pop(0)
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def send(self, data: bytes) -> int:
        part = bytes(data[:1000])
        self.sent += part
        return len(part)

    def close(self) -> None:
        """As a socket's."""


class Reader:
    """A stream of bytes, as amqtt reads it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, size: int) -> bytes:
        part, self._data = self._data[:size], self._data[size:]
        return part


def client_on(wire: Wire, protocol: MQTTProtocolVersion) -> Client:
    client = Client("gw", protocol)
    client._sock = wire  # type: ignore[assignment]
    client.on_socket_register_write = lambda *_: None
    return client


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]]]:
    """Packets of a broker, and what they acknowledge."""
    stream = b""
    acks: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(0, 12))):
        mid = draw(st.integers(1, 0xFFFF))
        code = draw(st.sampled_from([0, 0x10, 0x80, 0x95]))
        reason = draw(st.sampled_from([b"", b"\0", b"\x08\x1f\0\x05quota"]))
        match draw(st.integers(0, 2)):
            case 0:
                stream += b"\x40\2" + mid.to_bytes(2, "big")
                acks.append((mid, 0))
            case 1:
                rest = mid.to_bytes(2, "big") + bytes((code,)) + reason
                stream += bytes((0x40, len(rest))) + rest
                acks.append((mid, code))
            case _:
                stream += PINGRESP
    return stream, acks


@given(answers(), st.data())
def test_answers_count_once_and_in_order_however_they_are_cut(
    said: tuple[bytes, list[tuple[int, int]]], data: st.DataObject
) -> None:
    stream, acks = said
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges) if a < b]
    wire = Wire()
    client = client_on(wire, MQTTProtocolVersion.MQTTv5)
    for piece in pieces:
        wire.pieces.append(piece)
        while True:
            client.loop_read()
            if not (client.unread or wire.pieces):
                break
    assert client.acks == acks
    assert client.socket() is not None


@pytest.mark.parametrize("size", [0, 1, 100, 118, 119, 120, 16_374, 16_375, 16_376, 2_100_000])
def test_what_is_posted_is_what_another_reads(size: int) -> None:
    wire = Wire()
    client = client_on(wire, MQTTProtocolVersion.MQTTv311)
    payload = bytes(place & 0xFF for place in range(size))
    mids = [
        client.post("a/b", payload, qos=1, retain=False),
        client.post("温度/b", payload, qos=1, retain=True),
    ]
    client.post("c", b"last", qos=0, retain=False)
    while client.want_write():
        client.loop_write()
    found = asyncio.run(packets(wire.sent))
    assert [packet.topic_name for packet in found] == ["a/b", "温度/b", "c"]
    assert [packet.data for packet in found] == [payload, payload, b"last"]
    assert [packet.retain_flag for packet in found] == [False, True, False]
    assert [packet.qos for packet in found] == [1, 1, 0]
    assert [packet.packet_id for packet in found[:2]] == mids


async def packets(stream: bytes) -> list[PublishPacket]:
    """Read them all, as amqtt does."""
    reader = cast("ReaderAdapter", Reader(stream))
    found: list[PublishPacket] = []
    while True:
        header: MQTTFixedHeader | None = await PublishPacket.FIXED_HEADER.from_stream(reader)
        if header is None:
            return found
        found.append(await PublishPacket.from_stream(reader, fixed_header=header))


def test_a_goodbye_follows_what_was_said_before_it() -> None:
    wire = Wire()
    client = client_on(wire, MQTTProtocolVersion.MQTTv5)
    client.post("t", b"x", qos=1, retain=False)
    client.disconnect()
    while client.want_write():
        client.loop_write()
    assert wire.sent[0] == 0x32
    assert wire.sent.index(b"\xe0") > wire.sent.index(b"x")
