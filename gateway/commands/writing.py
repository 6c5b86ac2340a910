"""`write`: a value into a device's register, where the tag allows it.

    {tag, value}    tag as telemetry names it; value in the tag's unit

The device's own answer decides the reply, and what is read back afterwards has to agree with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from gateway.commands.command import Code, Outcome, Rejected, Target
from gateway.driver import Unwritable
from gateway.errors import DriverError, TooLate
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.commands.command import Command
    from gateway.driver import Driver, Writes, Written
    from gateway.model import Asset, Tag, Value, Write

T = TypeVar("T")
MOST_WAIT_MS = 60_000
"""For its turn on the link, however late it expires: who asked stands before the machine."""
_TEXTS = {Kind.BIT, Kind.STRING}


class Devices(Protocol):
    """Whoever keeps the queues of links."""

    async def errand(
        self, device: str, act: Callable[[Driver], Awaitable[T]], deadline_ns: int
    ) -> T:
        """Do something on a device's link, between two polls.

        Raises:
            TooLate: its turn didn't come before the deadline (monotonic).
            ConnectionLost: there is no such device, or its link can't be opened.
        """


class Writing:
    """Carries out `write`.

    Args:
        devices: where a write takes its turn.
        clock: both clocks.
    """

    def __init__(self, devices: Devices, clock: Clock) -> None:
        self._devices = devices
        self._clock = clock
        self._tags: dict[Target, Mapping[str, Tag]] = {}
        self._last_ns: dict[tuple[str, str], int] = {}

    def know(self, assets: Sequence[Asset], changed: Collection[str] | None) -> None:
        """Take writes for the tags of these assets that allow it.

        Args:
            assets: all of the site's.
            changed: those that bindings are given of; None: all. The others are as they were.
        """
        before, self._tags = self._tags, {}
        for asset in assets:
            target = Target(asset.line, asset.name)
            if changed is not None and asset.name not in changed:
                found = before.get(target, {})
            else:
                found = {b.signal: b.tag for b in asset.feeds() if b.tag.write is not None}
            if found:
                self._tags[target] = found

    async def __call__(self, command: Command) -> Outcome:
        """Write, and tell what the device made of it."""
        tag, permit = self._tag(command)
        value = _value(command.args.get("value"), tag, permit)
        left_ms = command.exp_ms - self._clock.wall_ns() // 1_000_000
        deadline_ns = self._clock.mono_ns() + 1_000_000 * min(left_ms, MOST_WAIT_MS)

        async def act(driver: Driver) -> Written:
            if not hasattr(driver, "write"):
                raise Unwritable(_("the driver of {device} can't write").format(device=tag.device))
            writes = cast("Writes", driver)
            writes.check(tag, value)
            self._pace(tag, permit)
            return await writes.write(tag, value, deadline_ns)

        try:
            written = await self._devices.errand(tag.device, act, deadline_ns)
        except Unwritable as error:
            raise Rejected(str(error)) from error
        except TooLate as error:
            raise Rejected(str(error), Code.EXPIRED) from error
        except DriverError as error:
            text = _("nothing was written: {reason}").format(reason=error)
            return Outcome(Code.FAILED, text)
        return _judged(written)

    def _tag(self, command: Command) -> tuple[Tag, Write]:
        """Find the tag.

        Raises:
            Rejected: there is none that may be written.
        """
        name = command.args.get("tag")
        tag = self._tags.get(command.target, {}).get(name) if isinstance(name, str) else None
        if tag is None or tag.write is None:
            text = _(
                "{asset} has no tag {tag} that may be written: `write` in the site file allows it;"
                " one that no machine binds is written at its device, on line _dev"
            )
            text = text.format(asset=command.target.asset, tag=str(name)[:64])
            raise Rejected(text, Code.NOT_PERMITTED)
        return tag, tag.write

    def _pace(self, tag: Tag, permit: Write) -> None:
        """Hold writes of one register apart.

        Raises:
            Rejected: the last one was too short a time ago.
        """
        key, now_ns = (tag.device, tag.name), self._clock.mono_ns()
        last_ns = self._last_ns.get(key)
        if last_ns is not None and now_ns - last_ns < permit.every_s * 1e9:
            text = _("{tag} takes one write in {every:g} s; the last was {ago:.1f} s ago").format(
                tag=f"{tag.device}.{tag.name}",
                every=permit.every_s,
                ago=(now_ns - last_ns) / 1e9,
            )
            raise Rejected(text)
        self._last_ns[key] = now_ns


def _value(value: object, tag: Tag, permit: Write) -> Value:
    """A value of the right type within the range that is allowed.

    Raises:
        Rejected: it is none.
    """
    name = f"{tag.device}.{tag.name}"
    if not isinstance(value, (bool, int, float, str)):
        raise Rejected(_("value must be a number, text, true or false"))
    if tag.kind in _TEXTS:
        return value
    if isinstance(value, (bool, str)):
        raise Rejected(_("{tag} takes a number").format(tag=name))
    low = float("-inf") if permit.min is None else permit.min
    high = float("inf") if permit.max is None else permit.max
    if not low <= value <= high:
        text = _("{tag} may be written from {low:g} to {high:g}, not {value:g}. Set in {where}.")
        raise Rejected(text.format(tag=name, low=low, high=high, value=value, where=tag.where))
    return value


def _judged(written: Written) -> Outcome:
    """What the device's answer and its register say together."""
    data = {"before": written.before, "after": written.after, "request": written.request}
    if written.doubt:
        text = _("whether it was written isn't known: {reason}; the register now reads {after}")
        return Outcome(Code.FAILED, text.format(reason=written.doubt, after=written.after), data)
    if written.after != written.asked:
        text = _("the device took {asked}, and its register now reads {after}")
        return Outcome(Code.FAILED, text.format(asked=written.asked, after=written.after), data)
    return Outcome(Code.OK, "", data)
