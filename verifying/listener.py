"""What a subscriber can know, from two sides of the broker at once.

One session listens to messages as they are published, their retain flag included (MQTT 5, 3.8.3.1:
retain as published; never sent a kept one). A second one comes twice, as any new subscriber would:
at the beginning, to hear what the broker keeps, and at the end, to see that it keeps the newest.
MQTT 3.1.1 can't tell how a message was published; there the first session hears what is kept.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from verifying.arrival import Arrival
from verifying.session import STEP_S, CannotListen, Session

if TYPE_CHECKING:
    from verifying.judge import Judge
    from verifying.session import Access, Heard

QUIET_S = 1.0
"""Nothing that the broker kept came for so long: all of it has come."""
KEPT_S = 120.0
"""After which all is taken to have come, however much it was."""


class Listener:
    """Listens to one topic filter and hands everything to the judge.

    Attributes:
        breaks: how often the connection broke.
    """

    def __init__(self, access: Access, topics: str, judge: Judge) -> None:
        self._access = access
        self._topics = topics
        self._judge = judge
        self._name = f"nxgate-verify-{secrets.token_hex(4)}"
        self._main = Session(access, self._name, self._hear, lasting=True)
        self._kept_s = 0.0
        self.breaks = 0

    @property
    def version(self) -> str:
        """Of MQTT in use."""
        return self._main.version

    def run(self, seconds: float) -> None:
        """Listen for so long; the beginning, in which kept messages come, is part of it.

        Raises:
            CannotListen: the first connect failed, or the topics may not be subscribed to.
        """
        until_s = time.monotonic() + seconds
        self._main.connect()
        try:
            self._open()
            while (now_s := time.monotonic()) < until_s:
                if not self._main.step(min(STEP_S, until_s - now_s)):
                    self._return(until_s)
            if not self._judge.messages:
                return
            self._judge.close()
            with contextlib.suppress(CannotListen):  # then what is kept is not judged
                self._visit()
        finally:
            self._main.leave()

    def _open(self) -> None:
        self._main.subscribe(self._topics, published=True)
        if self._main.version == "5":
            self._visit()
        else:
            self._await_kept()
        self._judge.begin()

    def _visit(self) -> None:
        """Hear what a new subscriber is given."""
        visitor = Session(self._access, f"{self._name}-kept", self._hear_kept)
        visitor.version = self._main.version
        visitor.connect()
        try:
            visitor.subscribe(self._topics, published=False)
            self._await_kept(visitor)
        finally:
            visitor.leave()

    def _await_kept(self, visitor: Session | None = None) -> None:
        """Wait until nothing more comes that the broker kept."""
        self._kept_s = began_s = time.monotonic()
        while time.monotonic() < min(self._kept_s + QUIET_S, began_s + KEPT_S):
            goes_on = self._main.step(STEP_S if visitor is None else 0.01)
            if visitor is not None:
                goes_on = visitor.step(0.01)
            if not goes_on:
                return

    def _return(self, until_s: float) -> None:
        """Come back after the connection broke, once a second, until it works or time is over."""
        self.breaks += 1
        while time.monotonic() < until_s:
            try:
                self._main.connect(first=False)
                if not self._main.resumed:
                    self._judge.go_blind()
                    self._open()
            except CannotListen:
                time.sleep(max(0.0, min(1.0, until_s - time.monotonic())))
            else:
                return

    def _hear(self, heard: Heard) -> None:
        five = self._main.version == "5"
        kept = heard.retain and not five
        if kept:
            self._kept_s = time.monotonic()
        self._hand_on(heard, kept=kept, retain=heard.retain if five else None)

    def _hear_kept(self, heard: Heard) -> None:
        if heard.retain:
            self._kept_s = time.monotonic()
            self._hand_on(heard, kept=True, retain=None)

    def _hand_on(self, heard: Heard, *, kept: bool, retain: bool | None) -> None:
        self._judge.take(
            Arrival(
                topic=heard.topic,
                payload=heard.payload,
                qos=heard.qos,
                kept=kept,
                retain=retain,
                mono_s=time.monotonic(),
                wall_ms=time.time_ns() // 1_000_000,
            )
        )
