"""The figures of all assets: states, OEE and energy, as a fold over each asset's durable log.

`observe` takes readings and `advance` lets time pass; both return drafts of records, and
`take_log` returns the log lines that belong into the same commit. A window is a pure function of
an asset's log (gateway/figures/), so live figures, figures after a restart and figures restated
for late data are the same function called again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.errors import NotEntered
from gateway.figures.reach import ALWAYS, KEEP_MS, NEVER
from gateway.figures.windows import HOUR_MS
from gateway.model import Draft, Entry, LogRow, Record
from gateway.rollup.rollups import RollUps
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gateway.figures.account import Account
    from gateway.figures.calendar import Calendar
    from gateway.figures.oee import OeeFigures
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Value

GRACE_MS = 5_000
ENOUGH = 16
"""Records of windows for one call of `advance`; each takes about a millisecond."""
HORIZON_MS = KEEP_MS + 2 * HOUR_MS
"""How far back `restore` needs the log and the statements."""


class Ledger:
    """Keeps an account for every asset that has figures.

    Args:
        assets: all of the site's; those without a `kpi` are passed over.
        calendar: when its lines plan to work.
        grace_ms: how long after its end a window waits for readings under way.
    """

    def __init__(
        self,
        assets: Sequence[Asset],
        calendar: Calendar,
        *,
        grace_ms: int = GRACE_MS,
    ) -> None:
        self._grace_ms = grace_ms
        self._accounts = {
            asset.name: self._account(asset, asset.kpi, calendar)
            for asset in assets
            if asset.kpi is not None
        }
        self._turn = deque(self._accounts.values())
        self._parting: dict[str, Account] = {}
        self._held: list[tuple[str, int, Mapping[str, Value]]] = []
        self._last_words: list[LogRow] = []
        self._rollups = RollUps(grace_ms)
        self._follow()

    def observe(self, asset: str, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        """Take what was read of an asset at one time.

        Args:
            asset: its name.
            t_ms: UTC ms of acquisition.
            values: by signal, as polled; None: could not be read.

        Returns:
            A state record, where the state changed; events, where counters fell.
        """
        account = self._accounts.get(asset)
        if account is None:
            if asset in self._parting:
                self._held.append((asset, t_ms, values))
            return []
        return account.observe(t_ms, values)

    def enter(
        self, asset: str, t_ms: int, said: Mapping[str, Value], now_ms: int
    ) -> tuple[list[Draft], list[str]]:
        """Take what people or a platform say of an asset (gateway/figures/context.py).

        Args:
            asset: its name.
            t_ms: UTC ms from which on it holds, at or before `now_ms`.
            said: product, order, planned_stop, reason, good, reject.
            now_ms: UTC ms.

        Returns:
            A state record, where one is to be told; and what is kept in the log but changes no
            figure as yet: of an asset without figures, all of it.

        Raises:
            NotEntered: it is too old, the machine tells it by itself, or another site file is
                being taken over.
        """
        account = self._accounts.get(asset)
        if account is not None:
            return account.enter(t_ms, said, now_ms), []
        if asset in self._parting:
            text = _("{asset} is being set up anew: say it again in a moment")
            raise NotEntered(text.format(asset=asset))
        from gateway.figures.context import SIGNALS  # noqa: PLC0415 - as in `_account`

        entries = tuple(Entry(t_ms, SIGNALS[name], value) for name, value in said.items())
        self._last_words.append(LogRow(asset, entries))
        return [], list(said)

    def advance(self, now_ms: int, *, waits: bool = False) -> list[Draft]:
        """Declare silences, close windows, publish interim figures, restate; once a second.

        At midnight every asset closes an hour, a shift and a day: what is more than enough for
        one call waits for the next, since polling waits for this.

        Args:
            now_ms: UTC ms.
            waits: leave the windows alone; which ones they are will be known soon.
        """
        accounts = self._turn
        told = [draft for account in accounts for draft in account.check(now_ms)]
        records: list[Draft] = []
        if waits:
            return told
        for _turn in range(len(accounts)):
            records += accounts[0].settle(now_ms)
            accounts.rotate(-1)
            if len(records) >= ENOUGH:
                break
        if self.is_whole and len(records) < ENOUGH:
            records += self._rollups.advance(now_ms)
        return told + records

    def check(self, asset: str, now_ms: int) -> list[Draft]:
        """Let time pass for one asset and leave its windows alone.

        Returns:
            A state record, where it has fallen silent.
        """
        account = self._accounts.get(asset)
        return [] if account is None else account.check(now_ms)

    def silence_due(self) -> int:
        """When an asset next counts as silent, in UTC ms, if nothing more is heard."""
        found = (one.presence.due for one in self._accounts.values() if one.presence is not None)
        return min(found, default=ALWAYS)

    def windows_due(self) -> int:
        """When windows next are to be closed, restated or told, in UTC ms.

        It changes by `advance` and where an asset is `stirred`, and by nothing else.
        """
        due = min((one.windows_due for one in self._accounts.values()), default=ALWAYS)
        return min(due, self._rollups.due)

    def stirred(self, asset: str) -> bool:
        """Whether readings of an asset have made something due since this was asked last."""
        account = self._accounts.get(asset)
        if account is None or not account.is_stirred:
            return False
        account.is_stirred = False
        return True

    def finish(self, now_ms: int) -> list[Draft]:
        """Close what is over, where nothing more will ever be read.

        The state in force holds for as long as it would before the asset counts as silent.

        Args:
            now_ms: UTC ms, the time of the last `advance` or reading.
        """
        self.rest()
        told = [draft for one in self._accounts.values() for draft in one.finish(now_ms)]
        return told + self._rollups.finish()

    def move(self, since_ms: int, delta_ms: int, now_ms: int) -> list[Draft]:
        """Shift what was read from a time on, because the clock was wrong by so much.

        Only labels change: whatever lay ten seconds apart still does, and figures of it with it.

        Args:
            since_ms: UTC ms by the clock as it was.
            delta_ms: what is right minus what was said.
            now_ms: UTC ms, as it is known now.

        Returns:
            The states again.
        """
        accounts = self._accounts.values()
        told = [draft for one in accounts for draft in one.move(since_ms, delta_ms, now_ms)]
        self._rollups.move(since_ms + min(delta_ms, 0), now_ms)
        return told

    def rest(self) -> None:
        """Before a stop: log the newest readings that were held back, so none is lost."""
        for account in self._accounts.values():
            account.rest()

    def take_log(self) -> list[LogRow]:
        """The log lines since the last call, for the same commit as the drafts."""
        rows, self._last_words = self._last_words, []
        rows += [
            LogRow(name, tuple(entries))
            for name, account in self._accounts.items()
            if (entries := account.take_log())
        ]
        return rows

    def heard(self) -> dict[str, int]:
        """When each asset with a state last gave a good one, in UTC ms."""
        return {
            name: account.presence.heard
            for name, account in (*self._accounts.items(), *self._parting.items())
            if account.presence is not None and account.presence.heard != NEVER
        }

    def derived(self, asset: str) -> str:
        """What the deriver of an asset must know after a restart; "" where there is nothing."""
        account = self._accounts.get(asset) or self._parting.get(asset)
        return "" if account is None else account.derived()

    def live(self, asset: str, now_ms: int) -> OeeFigures | None:
        """The figures of the current hour, for displays; None where an asset has none."""
        account = self._accounts.get(asset) or self._parting.get(asset)
        return None if account is None else account.live(now_ms)

    def unmapped(self) -> dict[str, str]:
        """Assets whose newest state is a value that no word is known for, with that value."""
        return {
            name: account.presence.unmapped
            for name, account in self._accounts.items()
            if account.presence is not None and account.presence.unmapped
        }

    def refused(self) -> dict[str, int]:
        """Readings that came too late to be taken, by asset, where there were any."""
        return {name: one.refused for name, one in self._accounts.items() if one.refused}

    def withdraw(self, names: Collection[str]) -> None:
        """Put the accounts of these assets by; what is read of them meanwhile is held.

        All that they know is in the log that `take_log` gives next. `replace` or `take_back`
        ends it.
        """
        for name in [name for name in self._accounts if name in names]:
            self._parting[name] = self._accounts.pop(name)
            self._close(self._parting[name], name)
        self._turn = deque(self._accounts.values())

    @property
    def is_whole(self) -> bool:
        """Whether no account is put by."""
        return not self._parting

    def take_back(self) -> list[Draft]:
        """Go on with the accounts that were put by, as if nothing had been."""
        return self._resume(self._parting)

    def begin(
        self,
        asset: Asset,
        calendar: Calendar,
        log: Iterable[tuple[Entry, ...]],
        statements: Iterable[Record],
        state: Record | None,
        now_ms: int,
    ) -> Account:
        """Make an account that goes on where the asset's log ends.

        Args:
            asset: with figures.
            calendar: when its line plans to work.
            log: its own of the last `HORIZON_MS`, in the order it was written.
            statements: its newest oee and energy record of each subject in that time.
            state: its newest state record.
            now_ms: UTC ms.
        """
        if asset.kpi is None:
            raise ValueError(asset.name)
        account = self._account(asset, asset.kpi, calendar)
        account.intake.epochs.hold()
        before = self._parting.get(asset.name)
        heard = None
        if before is not None and before.presence is not None and before.presence.heard != NEVER:
            heard = before.presence.heard
        account.restore(log, heard, statements, state, now_ms)
        return account

    def replace(self, accounts: Mapping[str, Account], present: Collection[str]) -> list[Draft]:
        """Go on with other accounts than before.

        Args:
            accounts: new ones by asset, in place of those put by, or for the first time.
            present: assets that have figures; the accounts of others end.

        Returns:
            What the readings held meanwhile lead to.
        """
        for name in [name for name in self._accounts if name not in present]:
            self._close(self._accounts.pop(name), name)
        return self._resume(accounts)

    def _account(self, asset: Asset, spec: KpiSpec, calendar: Calendar) -> Account:
        """An account of an asset with figures; the first one loads what computes them."""
        # A gateway without figures spares a megabyte.
        from gateway.figures.account import Account  # noqa: PLC0415

        return Account(asset, spec, calendar, self._grace_ms)

    def _close(self, account: Account, name: str) -> None:
        account.rest()
        entries = account.take_log()
        if entries:
            self._last_words.append(LogRow(name, tuple(entries)))

    def _resume(self, accounts: Mapping[str, Account]) -> list[Draft]:
        self._accounts |= accounts
        self._parting = {}
        self._turn = deque(self._accounts.values())
        self._follow()
        held, self._held = self._held, []
        told = [draft for reading in held for draft in self.observe(*reading)]
        for account in accounts.values():
            account.intake.epochs.begin()
        return told

    def restore(
        self,
        rows: Iterable[LogRow],
        heard: Mapping[str, int],
        statements: Iterable[Record],
        states: Iterable[Record],
        now_ms: int,
    ) -> None:
        """Take up where an earlier process left off; before the first `observe`.

        Args:
            rows: the log of the last `HORIZON_MS`, in the order it was written.
            heard: what `heard` gave last.
            statements: the newest oee and energy record of each subject in that time.
            states: the newest state record of each asset.
            now_ms: UTC ms.
        """
        logs: dict[str, list[tuple[Entry, ...]]] = {name: [] for name in self._accounts}
        told: dict[str, list[Record]] = {name: [] for name in self._accounts}
        for row in rows:
            if row.asset in logs:
                logs[row.asset].append(row.entries)
        for record in statements:
            if record.asset in told:
                told[record.asset].append(record)
            else:
                self._rollups.recall(record)
        newest = {record.asset: record for record in states}
        for name, account in self._accounts.items():
            account.restore(logs[name], heard.get(name), told[name], newest.get(name), now_ms)
        self._rollups.resume(now_ms)

    def rollups(self) -> Sequence[tuple[str, str]]:
        """Line and asset of each sum of several: of the lines that have figures, and the site."""
        return self._rollups.places()

    def _follow(self) -> None:
        """Sum up the accounts that there are."""
        shares = {name: account.share for name, account in self._accounts.items()}
        self._rollups.follow(shares)
