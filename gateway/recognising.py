"""Whether who answers is the device that is meant.

Tags whose values the site file knows beforehand are read before anything else of the device is
believed, and again after each failure of it and each opening of its link, since another one may
stand there by then; where a poll reads them anyway, they are looked at each time. As long as one
has another value, or none, every poll of the device fails with that reason, so nothing of it is
told as good, and nothing is written to it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from gateway.errors import DriverError, Stranger
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.driver import Driver, Plan, Writes, Written
    from gateway.model import Batch, Tag, Value

CLOSE = 1e-6
"""How far a scaled number may be from the one that is expected, as a part of it."""


def recognising(driver: Driver, tags: Sequence[Tag]) -> Driver:
    """The driver of a device, made to look who answers where the site file knows a value."""
    expected = tuple(tag for tag in tags if tag.expect)
    return cast("Driver", Recognising(driver, expected)) if expected else driver


def forget(driver: Driver) -> None:
    """Have a device looked at anew, because its link was opened anew."""
    if isinstance(driver, Recognising):
        driver.forget()


class Recognising:
    """A driver that asks who is there first.

    Args:
        driver: of the device; what it can do beside is passed on.
        expected: tags with the values that they must have.
    """

    def __init__(self, driver: Driver, expected: tuple[Tag, ...]) -> None:
        self._driver = driver
        self._expected = expected
        self._plan = driver.prepare(expected)
        self._is_known = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the driver can do beside
        """Inspect, tell its costs, check a value: as the driver does."""
        found = getattr(self._driver, name)
        return partial(self._listen, found) if name == "listen" else found

    def _listen(
        self,
        listen: Callable[[Plan, float, Callable[[Batch], None]], None],
        plan: Plan,
        period_s: float,
        take: Callable[[Batch], None],
    ) -> None:
        """As `Subscribes.listen`; what a stranger tells is not handed on."""

        def taken(batch: Batch) -> None:
            if not self._is_known:
                return
            try:
                _recognise(batch)
            except Stranger:
                self.forget()  # the next poll says so
            else:
                take(batch)

        listen(plan, period_s, taken)

    def forget(self) -> None:
        """Believe nothing of it until it was looked at again."""
        self._is_known = False

    async def read(self, plan: Plan) -> Batch:
        """As `Driver.read`.

        Raises:
            Stranger: a tag has not the value that it must have.
        """
        try:
            await self._look()
            batch = await self._driver.read(plan)
            _recognise(batch)
        except DriverError:
            self.forget()
            raise
        return batch

    async def write(self, tag: Tag, value: Value, deadline_ns: int) -> Written:
        """As `Writes.write`; who is there is asked each time.

        Raises:
            Stranger: nothing was written.
        """
        self.forget()
        await self._look()
        return await cast("Writes", self._driver).write(tag, value, deadline_ns)

    async def _look(self) -> None:
        if not self._is_known:
            _recognise(await self._driver.read(self._plan))
            self._is_known = True


def _recognise(batch: Batch) -> None:
    places = range(len(batch.tags)) if batch.present is None else batch.present
    for place, value in zip(places, batch.values, strict=True):
        tag = batch.tags[place]
        if tag.expect and not any(_is_same(value, expected) for expected in tag.expect):
            text = _(
                "{tag} reads {value}, and {expected} is expected: another device answers there, or "
                "its registers moved. Nothing of it is taken until that is right. Set in {where}."
            )
            raise Stranger(
                text.format(
                    tag=f"{tag.device}.{tag.name}",
                    value=_spelled(value),
                    expected=_(" or ").join(map(_spelled, tag.expect)),
                    where=tag.where,
                )
            )


def _spelled(value: Value) -> str:
    if value is None:
        return _("nothing")
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _is_same(value: Value, expected: Value) -> bool:
    if value is None or isinstance(value, str) or isinstance(expected, str) or expected is None:
        return value == expected
    return abs(value - expected) <= CLOSE * abs(expected)
