"""What people are told: each change of state once, and never a flood."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.publishers.refusals import Verdict
from gateway.publishers.reporter import MOST_TOLD, Reporter
from tests.unit.delivery_fakes import Rig

if TYPE_CHECKING:
    import pytest


def test_a_thousand_refused_topics_are_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig(rate=1e6)
    reporter = Reporter("cluster", "gw-01", "site.yaml:9")
    rig.connect()
    for number in range(300):
        rig.make("telemetry", f"a{number}")
        rig.pump()
        rig.answer(rig.transport.sent[-1], Verdict.HOLD_TOPIC, "Not authorized (0x87)")
        reporter.refused(rig.delivery.outcomes)
    texts = [record.getMessage() for record in caplog.records]
    assert sum("is refused: Not authorized" in text for text in texts) == MOST_TOLD
    assert sum("more topics are refused" in text for text in texts) == 1
    rig.store.commit()
    caplog.clear()
    rig.delivery.lost()
    rig.connect()
    rig.answer_all()
    reporter.refused(rig.delivery.outcomes)
    assert not rig.delivery.refusals.topics
    assert sum("accepted again" in r.getMessage() for r in caplog.records) == MOST_TOLD + 1
