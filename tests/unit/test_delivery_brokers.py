"""Which broker comes next, and how soon."""

from __future__ import annotations

import random

import pytest

from gateway.publishers.brokers import NEXT_S, SHORT_LIVES, SLOW_S, Brokers
from gateway.publishers.causes import Cause

URLS = ("mqtt://one", "mqtt://two", "mqtt://three")


def brokers(urls: tuple[str, ...] = URLS, version: str = "5") -> Brokers:
    return Brokers(urls, version, random.Random(1))


def test_the_list_is_gone_through_quickly_and_then_with_growing_pauses() -> None:
    made = brokers()
    tried, pauses = list[str](), list[float]()
    for _turn in range(30):
        tried.append(made.url)
        pauses.append(made.failed(Cause.NETWORK, None))
    assert tried == list(URLS) * 10
    assert all(p <= NEXT_S for at, p in enumerate(pauses) if at % 3 != 2)
    assert max(pauses[2::3]) > 5.0


def test_a_good_connection_that_ends_is_sought_from_the_first_again() -> None:
    made = brokers()
    made.failed(Cause.NETWORK, None)
    made.failed(Cause.NETWORK, None)
    assert made.url == URLS[2]
    assert made.failed(Cause.NETWORK, 3600.0) <= 0.5
    assert made.url == URLS[0]


def test_one_that_refuses_us_doesnt_keep_us_from_the_others_and_is_not_hammered() -> None:
    made = brokers()
    assert made.failed(Cause.CREDENTIALS, None) <= NEXT_S
    assert made.url == URLS[1]
    assert made.failed(Cause.NETWORK, None) <= NEXT_S
    assert made.failed(Cause.NETWORK, None) >= SLOW_S


def test_a_single_broker_backs_off_and_starts_again_after_a_good_connection() -> None:
    made = brokers(URLS[:1])
    pauses = [made.failed(Cause.NETWORK, None) for _turn in range(20)]
    assert max(pauses) > 10.0
    assert made.failed(Cause.NETWORK, 11.0) <= 0.5
    assert made.failed(Cause.TAKEN_OVER, 1.0) >= SLOW_S


def test_a_connection_on_which_nothing_was_answered_is_no_good_one() -> None:
    made = brokers(URLS[:1])
    assert made.failed(Cause.UNANSWERED, 65.0) >= SLOW_S


def test_the_version_is_found_out_for_each_broker() -> None:
    made = brokers(URLS[:2], "auto")
    assert made.failed(Cause.VERSION, None) == 0.0
    assert (made.url, made.version.now) == (URLS[0], "3.1.1")
    made.failed(Cause.NETWORK, None)
    assert (made.url, made.version.now) == (URLS[1], "5")


@pytest.mark.parametrize(("held_s", "suspects"), [(0.3, True), (59.0, True), (61.0, False)])
def test_connections_that_keep_breaking_soon_raise_a_suspicion(
    held_s: float, *, suspects: bool
) -> None:
    made = brokers(URLS[:1])
    causes = [made.judge(Cause.NETWORK, held_s) for _turn in range(SHORT_LIVES)]
    assert (causes[-1] == Cause.CONTESTED) is suspects
    assert Cause.CONTESTED not in causes[:-1]
    assert made.judge(Cause.NETWORK, None) == Cause.NETWORK
    assert made.judge(Cause.NETWORK, held_s) == Cause.NETWORK
