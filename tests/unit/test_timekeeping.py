"""The process's own time: when it is trusted, what a clock that is set does to it, restarts."""

from __future__ import annotations

import json
import time

from gateway.clock import DAWN_NS
from gateway.timekeeping.evidence import Backing, ThisSystem
from gateway.timekeeping.keeper import MOVES, Look, Move, Timekeeper
from gateway.timekeeping.spans import MOST, Finding
from tests.machine_clock import DAY, NOW_S, YEAR, Machine, S

MINUTE = 60


class Rig:
    """A process on a machine: it looks each second and makes a record after each look."""

    def __init__(
        self, machine: Machine, noted: dict[str, object] | None = None, key: int = 1
    ) -> None:
        self.machine = machine
        self.clock = Timekeeper(machine)
        self.key = key
        self.findings: list[Finding] = list(self.clock.begin(noted or {}, key))
        self.moves: list[Move] = []
        self.look()

    def look(self) -> Look:
        look = self.clock.look(self.key)
        self.findings += look.findings
        self.moves += [look.move] if look.move else []
        self.noted = json.dumps(self.clock.noted())
        return look

    def run(self, seconds: int) -> None:
        for _second in range(seconds):
            self.machine.advance(1)
            self.look()
            self.key += 1

    def restart(self) -> Rig:
        """The process is killed, and started again by whatever its last commit says."""
        return Rig(self.machine, json.loads(self.noted), self.key)

    @property
    def ahead_s(self) -> float:
        """What the process says, minus the true time."""
        return (self.clock.wall_ns() - self.machine.true_ns) / S


# Who vouches


def test_a_synchronised_clock_is_trusted_at_once() -> None:
    rig = Rig(Machine(synced=True))
    assert rig.clock.trusted()
    assert rig.clock.status().source == "ntp"
    rig.run(5)
    assert (rig.ahead_s, rig.findings) == (0, [])


def test_a_clock_that_nobody_vouches_for_is_not() -> None:
    rig = Rig(Machine())
    rig.run(DAY // 60)
    status = rig.clock.status()
    assert not status.trusted
    assert "no hardware clock" in status.doubt
    assert status.since_ms // 1000 == NOW_S


def test_a_hardware_clock_serves_where_no_time_server_comes() -> None:
    machine = Machine(rtc=Backing.AGREES)
    machine.up_ns = 30 * S
    rig = Rig(machine)
    assert not rig.clock.trusted()
    rig.run(91)
    assert rig.clock.trusted()
    assert rig.clock.status().source == "rtc"
    assert rig.findings == [Finding("boot-1", 1, 89, 0)], "what was marked was right"


def test_a_hardware_clock_that_says_something_else_does_not() -> None:
    rig = Rig(Machine(rtc=Backing.DIFFERS))
    rig.run(10)
    assert not rig.clock.trusted()
    assert "set both" in rig.clock.status().doubt


def test_a_site_can_vouch() -> None:
    assert Timekeeper(Machine(), vouched=True).trusted()


def test_a_clock_that_was_never_set_is_dead_whoever_vouches() -> None:
    machine = Machine(rtc=Backing.AGREES, synced=True)
    machine.ahead_ns = DAWN_NS - S - machine.true_ns - 5 * S
    rig = Rig(machine)
    rig.run(1)
    assert not rig.clock.trusted()
    assert "never set" in rig.clock.status().doubt


def test_a_lost_time_server_changes_nothing() -> None:
    """The kernel gives up after nine hours; a quartz is then still right to a second."""
    rig = Rig(Machine(synced=True))
    rig.run(1)
    rig.machine.synced = False
    rig.run(100)
    assert rig.clock.trusted()
    assert rig.restart().clock.trusted(), "and a later process knows it"


def test_no_record_is_made_before_there_was_such_a_program() -> None:
    """The contract has no times before 2000, and a box without a battery boots in 1970."""
    rig = Rig(Machine())
    rig.machine.ahead_ns = 45 * S - rig.machine.true_ns
    rig = Rig(rig.machine)
    rig.run(5)
    assert 0 < rig.clock.wall_ns() - DAWN_NS < 5 * MINUTE * S
    assert not rig.clock.trusted()
    rig.machine.step(-rig.machine.ahead_ns / S)
    rig.machine.synced = True
    rig.run(1)
    assert (rig.clock.trusted(), rig.ahead_s) == (True, 0)
    assert [(f.first, f.last) for f in rig.findings] == [(1, 5)]


def test_another_versions_note_is_passed_over() -> None:
    rig = Rig(Machine(synced=True), {"format": 99, "boot": "boot-1", "spans": "?"})
    assert (rig.clock.trusted(), rig.findings) == (True, [])


# A clock that is set


def test_the_right_time_arrives() -> None:
    rig = Rig(Machine(ahead_s=-2 * YEAR + 0.25))
    rig.run(60)
    assert not rig.clock.trusted()
    rig.machine.step(2 * YEAR - 0.25)
    rig.machine.synced = True
    rig.run(1)
    assert rig.clock.trusted()
    assert rig.findings == [Finding("boot-1", 1, 60, round((2 * YEAR - 0.25) * 1000))]
    assert rig.moves == [Move((NOW_S - 2 * YEAR) * 1000 + 250, round((2 * YEAR - 0.25) * 1000))]
    assert rig.ahead_s == 0
    rig.run(100)
    assert len(rig.findings) == 1


def test_a_trusted_time_is_kept_while_the_clock_is_played_with() -> None:
    rig = Rig(Machine(synced=True))
    rig.run(10)
    for seconds in (20 * YEAR, -40 * YEAR, 3600, 20 * YEAR - 3600):
        rig.machine.step(seconds)
        rig.run(5)
        assert rig.ahead_s == 0
        assert rig.clock.trusted() is (rig.machine.ahead_ns == 0)
    assert rig.moves == []
    assert rig.findings == [Finding("boot-1", 11, 25, 0)]


def test_a_step_that_is_confirmed_is_taken_and_says_how_wrong_the_times_were() -> None:
    rig = Rig(Machine(rtc=Backing.AGREES))
    rig.run(100)
    rig.machine.step(600)
    rig.run(3)
    assert (rig.clock.trusted(), rig.ahead_s) == (False, 0)
    rig.run(10)
    assert (rig.clock.trusted(), rig.ahead_s) == (True, 600)
    assert rig.findings == [
        Finding("boot-1", 1, 100, 600_000),
        Finding("boot-1", 101, 110, 600_000),
    ]


def test_what_a_time_server_confirmed_is_not_corrected() -> None:
    rig = Rig(Machine(synced=True))
    rig.run(100)
    rig.machine.step(3600)
    rig.machine.synced = True
    rig.run(20)
    found = [(finding.first, finding.last, finding.offset_ms) for finding in rig.findings]
    assert found == [(100, 100, 3_600_000), (101, 110, 3_600_000)]
    assert rig.moves[0].since_ms == (NOW_S + 100) * 1000


def test_a_step_without_any_voucher_is_followed_late_and_marked() -> None:
    rig = Rig(Machine(synced=True))
    rig.run(10)
    rig.machine.step(-3600)
    rig.run(600)
    assert (rig.clock.trusted(), rig.ahead_s) == (False, 0)
    assert "own time" in rig.clock.status().doubt
    rig.run(1)
    assert (rig.clock.trusted(), rig.ahead_s) == (False, -3600)


def test_untrusted_times_follow_each_step_and_are_corrected_one_by_one() -> None:
    rig = Rig(Machine(ahead_s=-100))
    for seconds in (50, -1000):
        rig.run(20)
        rig.machine.step(seconds)
    rig.run(20)
    rig.machine.step(1050)
    rig.machine.synced = True
    rig.run(1)
    assert rig.ahead_s == 0
    assert [finding.offset_ms for finding in rig.findings] == [100_000, 50_000, 1_050_000]
    keys = [(finding.first, finding.last) for finding in rig.findings]
    assert keys == [(1, 30), (31, 50), (51, 60)]
    assert sum(move.delta_ms for move in rig.moves) == 100_000


def test_a_small_difference_is_walked_off() -> None:
    """A leap second: the labels go on without one coming twice."""
    rig = Rig(Machine(synced=True))
    rig.machine.step(-1)
    rig.machine.synced = True
    before = rig.clock.wall_ns()
    for _second in range(60):
        rig.run(1)
        assert rig.clock.wall_ns() - before > 0.97 * S
        before = rig.clock.wall_ns()
    assert (rig.clock.trusted(), rig.ahead_s, rig.moves) == (True, -1, [])


def test_more_steps_than_can_be_remembered() -> None:
    rig = Rig(Machine())
    for _step in range(MOST + 10):
        rig.machine.step(5)
        rig.run(15)
    lost = [finding for finding in rig.findings if finding.offset_ms is None]
    assert lost, "what is given up is said"
    rig.machine.synced = True
    rig.run(1)
    told = sorted(rig.findings, key=lambda finding: finding.first)
    assert [f.first for f in told[1:]] == [f.last + 1 for f in told[:-1]], "each record once"
    assert (told[0].first, told[-1].last) == (1, rig.key - 2)
    assert len(json.dumps(rig.clock.noted()["moves"])) < 60 * MOVES


# Restarts


def test_a_later_process_of_the_same_boot_corrects_what_an_earlier_one_marked() -> None:
    rig = Rig(Machine(ahead_s=-DAY))
    rig.run(50)
    rig = rig.restart()
    rig.run(50)
    rig = rig.restart()
    assert not rig.clock.trusted()
    rig.machine.step(DAY)
    rig.machine.synced = True
    rig = rig.restart()
    assert (rig.clock.trusted(), rig.ahead_s) == (True, 0)
    assert rig.findings == [Finding("boot-1", 1, 100, DAY * 1000)]
    assert rig.moves == [Move((NOW_S - DAY) * 1000, DAY * 1000)]


def test_of_another_boot_nobody_can_know() -> None:
    rig = Rig(Machine(ahead_s=-DAY))
    rig.run(50)
    rig.machine.reboot()
    rig.machine.step(DAY)
    rig.machine.synced = True
    rig = rig.restart()
    rig.run(3)
    assert rig.findings == [Finding("boot-1", 1, 50, None)]


def test_a_clock_behind_the_newest_record_goes_on_after_it() -> None:
    rig = Rig(Machine(synced=True))
    rig.run(100)
    rig.machine.reboot()
    rig.machine.step(-YEAR)
    rig.machine.rtc = Backing.AGREES
    rig = rig.restart()
    rig.run(200)
    assert not rig.clock.trusted()
    assert "before the newest record" in rig.clock.status().doubt
    assert 0 < rig.ahead_s < 2 * MINUTE, "later than all that is stored"
    rig = rig.restart()
    rig.run(1)
    assert 0 < rig.ahead_s < 2 * MINUTE, "and it stays so"
    rig.machine.step(YEAR)
    rig.run(1)
    assert (rig.clock.trusted(), rig.ahead_s) == (True, 0)
    (finding,) = rig.findings
    assert (finding.first, finding.last) == (101, 301)
    assert finding.offset_ms is not None
    assert -2 * MINUTE * 1000 < finding.offset_ms < 0


def test_a_time_server_may_say_that_the_store_lives_in_the_future() -> None:
    rig = Rig(Machine(ahead_s=20 * YEAR, rtc=Backing.AGREES))
    rig.run(100)
    rig.machine.reboot()
    rig.machine.step(-20 * YEAR)
    rig.machine.synced = True
    rig = rig.restart()
    assert (rig.clock.trusted(), rig.ahead_s) == (True, 0)


def test_the_log_of_a_time_that_was_changed_is_found_again() -> None:
    rig = Rig(Machine(ahead_s=-2 * YEAR), key=(5 << 36) + 1)
    rig.run(10)
    assert rig.clock.moved(0) is None
    rig.machine.step(2 * YEAR)
    rig.machine.synced = True
    rig.run(10)
    since_ms = (NOW_S - DAY) * 1000
    assert rig.clock.moved(since_ms) == ((5 << 36) + 1, since_ms - 2 * YEAR * 1000)
    assert rig.restart().clock.moved(since_ms) == rig.clock.moved(since_ms)
    assert rig.clock.moved((NOW_S + DAY) * 1000) is None


# The machine itself


def test_this_machine_answers() -> None:
    system = ThisSystem()
    assert system.boot == ThisSystem().boot
    assert isinstance(system.is_synchronised(), bool)
    assert system.backing() in set(Backing)
    assert 0 < system.mono_ns() <= system.steady_ns() + S
    assert abs(system.wall_ns() - time.time_ns()) < S
