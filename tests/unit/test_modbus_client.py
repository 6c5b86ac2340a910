"""One connection: answers matched to questions, frames cut and put together, ends noticed."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from drivers.modbus.client import SILENCES, STRAYS, TcpLink
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.clock import ManualClock
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from tests.modbus_peer import Peer, Request, exception, frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

UNIT = 7
ASK = query(Function.HOLDING, 100, 2, UNIT)
PATIENCE_S = 0.05
LONG_S = 5.0


def with_peer(check: Callable[[Peer, TcpLink], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Peer() as peer:
            peer.put(3, 100, bytes.fromhex("0001 0002"))
            link = TcpLink(peer.url, ManualClock())
            await link.open()
            await check(peer, link)
            await link.close()

    asyncio.run(run())


async def works(link: TcpLink) -> bool:
    data, _time_ns, _mono_ns = await link.ask(ASK, LONG_S)
    return data == bytes.fromhex("0001 0002")


def test_an_answer_with_its_instant() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        del peer
        clock = link.clock
        assert isinstance(clock, ManualClock)
        clock.advance(3)
        assert await link.ask(ASK, LONG_S) == (
            bytes.fromhex("0001 0002"),
            clock.wall_ns(),
            clock.mono_ns(),
        )

    with_peer(check)


def test_a_frame_in_pieces_is_put_together() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        loop = asyncio.get_running_loop()

        def dribble(request: Request) -> bytes:
            whole = peer.correct(request)
            for place in range(1, len(whole)):
                loop.call_later(place / 500, peer.send, whole[place : place + 1])
            return whole[:1]

        peer.answer = dribble
        assert await works(link)
        peer.answer = peer.correct
        assert await works(link)

    with_peer(check)


def test_two_frames_in_one_piece() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: frame(r.tid - 1, UNIT, bytes((3, 2, 9, 9))) + peer.correct(r)
        assert await works(link)
        assert link.late == 1
        # The tail of one and the head of the next.
        peer.answer = lambda r: peer.correct(r) + frame(0, UNIT, bytes((3, 2, 9, 9)))[:5]
        assert await works(link)
        peer.answer = lambda r: frame(0, UNIT, bytes((3, 2, 9, 9)))[5:] + peer.correct(r)
        assert await works(link)
        assert link.late == 2

    with_peer(check)


def test_late_answers_are_counted_and_the_line_stays_in_use() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        asked: list[Request] = []

        def keep(request: Request) -> bytes:
            asked.append(request)
            return b""

        peer.answer = keep
        for _ in range(SILENCES - 1):
            with pytest.raises(RequestTimeout, match=r"no answer within 0\.05 s"):
                await link.ask(ASK, PATIENCE_S)
        peer.answer = lambda r: b"".join(map(peer.correct, [*asked, r]))
        assert await works(link)
        assert (link.late, link.rejected) == (SILENCES - 1, 0)

    with_peer(check)


def test_an_answer_twice_counts_once() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: peer.correct(r) * 2
        for _ in range(2 * STRAYS):
            assert await works(link)
        peer.answer = peer.correct
        assert await works(link)
        assert link.late == 2 * STRAYS

    with_peer(check)


def test_another_unit_is_rejected_and_named() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: frame(r.tid, 9, peer.correct(r)[7:])
        with pytest.raises(RequestTimeout, match="an answer from unit 9 was rejected"):
            await link.ask(ASK, PATIENCE_S)
        assert link.rejected == 1
        # The right one may still follow within the time.
        peer.answer = lambda r: frame(r.tid, 9, peer.correct(r)[7:]) + peer.correct(r)
        assert await works(link)
        assert link.rejected == 2

    with_peer(check)


def test_another_function_is_rejected_and_named() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: frame(r.tid, UNIT, b"\x04" + peer.correct(r)[8:])
        with pytest.raises(RequestTimeout, match="an answer of function 4 was rejected"):
            await link.ask(ASK, PATIENCE_S)
        # An exception with more behind it is no exception.
        peer.answer = lambda r: frame(r.tid, UNIT, b"\x83\x02\x00")
        with pytest.raises(RequestTimeout, match="an answer of function 131 was rejected"):
            await link.ask(ASK, PATIENCE_S)
        assert link.rejected == 2

    with_peer(check)


@pytest.mark.parametrize(
    "pdu", [b"\x03\x02\0\1", b"\x03\x04\0\1", b"\x03\x02\0\1\0\2", b"\x03\x06"]
)
def test_an_answer_of_another_length_keeps_its_bytes(pdu: bytes) -> None:
    """Where the byte count and the bytes agree, and where they don't."""

    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: frame(r.tid, UNIT, pdu)
        with pytest.raises(DecodeError, match="where 4 were asked for") as caught:
            await link.ask(ASK, LONG_S)
        assert caught.value.data == pdu
        assert link.rejected == 1
        peer.answer = peer.correct
        assert await works(link)

    with_peer(check)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "illegal function"),
        (2, "illegal data address"),
        (3, "illegal data value"),
        (4, "device failure"),
        (6, "device busy"),
        (0x0A, "a Modbus gateway on the way has no path to this unit id"),
        (0x0B, "a Modbus gateway on the way got no answer from this unit id"),
        (0x63, "exception 99"),
    ],
)
def test_exceptions_in_plain_words(code: int, words: str) -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: exception(r, code)
        with pytest.raises(RequestRefused, match=words) as caught:
            await link.ask(ASK, LONG_S)
        assert caught.value.code == code
        assert link.is_open

    with_peer(check)


@pytest.mark.parametrize(
    "lie",
    [
        bytes.fromhex("0001 0001 0005 07 03 02 0001"),
        bytes.fromhex("0001 0000 0002 07 03"),
        bytes.fromhex("0001 0000 0000 07 03"),
        bytes.fromhex("0001 0000 00FF 07 03"),
        bytes.fromhex("0001 0000 FFFF"),
        b"SSH-2.0-x",
    ],
    ids=lambda lie: lie.hex(" "),
)
def test_a_header_that_lies_ends_the_connection(lie: bytes) -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda _request: lie
        with pytest.raises(ConnectionLost, match="header makes no sense"):
            await link.ask(ASK, LONG_S)
        assert not link.is_open
        peer.answer = peer.correct
        await link.open()
        assert await works(link)

    with_peer(check)


def test_a_frame_cut_short_costs_the_connection_not_the_next_answer() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: peer.correct(r)[:-1]
        with pytest.raises(RequestTimeout):
            await link.ask(ASK, PATIENCE_S)
        assert not link.is_open
        peer.answer = peer.correct
        await link.open()
        assert await works(link)

    with_peer(check)


def test_silence_ends_the_connection_after_a_while() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda _request: b""
        for still_open in [True] * (SILENCES - 1) + [False]:
            with pytest.raises(RequestTimeout):
                await link.ask(ASK, PATIENCE_S)
            assert link.is_open is still_open
        with pytest.raises(ConnectionLost, match="not connected"):
            await link.ask(ASK, PATIENCE_S)

    with_peer(check)


def test_one_silent_unit_does_not_end_a_link_on_which_others_speak() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: peer.correct(r) if r.unit == UNIT else b""
        dead = query(Function.HOLDING, 100, 2, UNIT + 1)
        for _ in range(2 * SILENCES):
            with pytest.raises(RequestTimeout):
                await link.ask(dead, PATIENCE_S)
            assert await works(link)

    with_peer(check)


def test_a_flood_of_answers_to_nothing_ends_the_connection() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        peer.answer = lambda r: frame(r.tid - 1, UNIT, b"\x03\x02\x00\x01") * STRAYS
        with pytest.raises(ConnectionLost, match=f"{STRAYS} answers in a row"):
            await link.ask(ASK, LONG_S)
        assert link.late == STRAYS

    with_peer(check)


def test_questions_of_several_devices_take_turns() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        loop = asyncio.get_running_loop()
        waiting: list[Request] = []
        most = 0

        def say(request: Request) -> None:
            waiting.remove(request)
            peer.send(peer.correct(request))

        def later(request: Request) -> bytes:
            nonlocal most
            waiting.append(request)
            most = max(most, len(waiting))
            loop.call_later(0.001, say, request)
            return b""

        peer.answer = later
        asked = [query(Function.HOLDING, 100, 2, unit) for unit in range(20)]
        answers = await asyncio.gather(*(link.ask(one, LONG_S) for one in asked))
        assert {data for data, *_ in answers} == {bytes.fromhex("0001 0002")}
        assert most == 1

    with_peer(check)


def test_a_cancelled_question_leaves_no_trace() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        asked: list[Request] = []
        arrived = asyncio.Event()

        def keep(request: Request) -> bytes:
            asked.append(request)
            arrived.set()
            return b""

        peer.answer = keep
        task = asyncio.create_task(link.ask(ASK, LONG_S))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        peer.answer = lambda r: peer.correct(asked[0]) + peer.correct(r)
        assert await works(link)
        assert link.late == 1

    with_peer(check)


def test_transaction_ids_wrap() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        link._tid = 0xFFFE
        for _ in range(3):
            assert await works(link)
        assert [request.tid for request in peer.requests] == [0xFFFF, 0, 1]

    with_peer(check)


def test_closing_ends_a_question_under_way() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        arrived = asyncio.Event()

        def keep(_request: Request) -> bytes:
            arrived.set()
            return b""

        peer.answer = keep
        task = asyncio.create_task(link.ask(ASK, LONG_S))
        await arrived.wait()
        await link.close()
        with pytest.raises(ConnectionLost, match="closed"):
            await task

    with_peer(check)


def test_opening_at_once_from_two_devices_makes_one_connection() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        await link.close()
        await asyncio.gather(link.open(), link.open(), link.open())
        assert await works(link)
        assert len(peer.connections) == 1

    with_peer(check)


def test_the_socket_sends_at_once_and_is_kept_alive() -> None:
    async def check(peer: Peer, link: TcpLink) -> None:
        del peer
        assert link._connection is not None
        sock = link._connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10

    with_peer(check)


def test_a_closed_port_says_so() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        link = TcpLink(f"modbus+tcp://127.0.0.1:{port}", ManualClock())
        with pytest.raises(ConnectionLost) as caught:
            await link.open()
        assert str(caught.value).startswith(f"127.0.0.1:{port}: can't connect: Connection refused.")
        assert isinstance(caught.value.__cause__, OSError)

    asyncio.run(run())


def test_a_name_that_leads_nowhere_says_so() -> None:
    async def run() -> None:
        link = TcpLink("modbus+tcp://nowhere.invalid", ManualClock())
        with pytest.raises(ConnectionLost, match=r"nowhere\.invalid:502: can't connect: \w+"):
            await link.open()

    asyncio.run(run())


def test_a_host_that_swallows_everything_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog: the handshake is never answered."""
    monkeypatch.setattr("drivers.lines.sockets.CONNECT_S", PATIENCE_S)

    async def run() -> None:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen(0)
            port = server.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.settimeout(0)
                filler.connect_ex(("127.0.0.1", port))
            link = TcpLink(f"modbus+tcp://127.0.0.1:{port}", ManualClock())
            with pytest.raises(ConnectionLost, match=r"can't connect: no answer within 0\.05 s"):
                await link.open()
            for filler in fillers:
                filler.close()

    asyncio.run(run())
