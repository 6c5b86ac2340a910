"""Connects that hang are left behind, one at a time, and taken back when they end after all."""

from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.errors import BrokerUnavailable
from gateway.publishers.dial import Dialer


def nothing() -> None:
    """Give up what was never had."""


def test_a_connect_runs_off_the_loops_thread() -> None:
    threads: list[int] = []

    async def scenario() -> None:
        await Dialer().dial(lambda: threads.append(threading.get_ident()), nothing)

    asyncio.run(scenario())
    assert threads != [threading.get_ident()]


def test_what_a_connect_raises_is_raised() -> None:
    def refuse() -> None:
        raise ConnectionRefusedError("nobody listens")

    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        asyncio.run(Dialer().dial(refuse, nothing))


def test_a_connects_own_time_out_is_told_as_such() -> None:
    def tire() -> None:
        raise TimeoutError("timed out")

    with pytest.raises(TimeoutError, match="timed out"):
        asyncio.run(Dialer().dial(tire, nothing))


def test_a_hanging_connect_is_left_behind_and_no_second_one_is_started() -> None:
    answer, started, taken_back = threading.Event(), [0], asyncio.Event()

    def hang() -> None:
        started[0] += 1
        answer.wait()

    async def scenario() -> None:
        dialer = Dialer()
        for _attempt in range(3):
            with pytest.raises(BrokerUnavailable, match=r"name server|still hangs"):
                await dialer.dial(hang, taken_back.set, limit_s=0.01)
        assert started == [1]
        answer.set()
        await asyncio.wait_for(taken_back.wait(), 5)
        await dialer.dial(hang, nothing)
        assert started == [2]

    asyncio.run(scenario())


def test_a_connect_that_ends_after_the_loop_is_taken_back_too() -> None:
    answer, taken_back = threading.Event(), threading.Event()

    async def scenario() -> None:
        with pytest.raises(BrokerUnavailable):
            await Dialer().dial(answer.wait, taken_back.set, limit_s=0.01)  # type: ignore[arg-type]

    asyncio.run(scenario())
    answer.set()
    assert taken_back.wait(5)
