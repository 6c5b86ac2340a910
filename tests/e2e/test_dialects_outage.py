"""A broker that dies under a dialect: every value arrives, with the time of its reading."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.dialect_rig import T0, Answering, settings, speaking
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import draft

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 60
FILTERS = {"thingsboard": "v1/#", "umh": "umh/#", "jetlinks": "/a1GW/#", "huawei": "$oc/#"}


def told(platform: Subscriber, marker: str) -> set[int]:
    """The numbers that were heard as values of a tag."""
    found = re.compile(marker)
    texts = [json.dumps(json.loads(h.payload)) for h in list(platform.heard)]
    texts += [f"{h.topic} {h.payload.decode()}" for h in list(platform.heard)]
    return {int(number) for text in texts for number in found.findall(text)}


@pytest.mark.parametrize("form", [*FILTERS, "alink"])
def test_nothing_is_lost_when_the_broker_dies(form: str, tmp_path: Path) -> None:
    async def main(broker: Mosquitto, platform: Subscriber) -> None:
        async with speaking(tmp_path, settings(broker.port, form, tmp_path)) as rig:
            await rig.connected()
            made = []
            for number in range(COUNT):
                rows = [{"t": T0 + number, "m": {"good": number}}]
                made += rig.make(draft("telemetry", rows=rows))
                if number == COUNT // 3:
                    broker.kill()
                if number == 2 * COUNT // 3:
                    broker.start()
                    platform.back()
                await asyncio.sleep(0.01)
            await rig.delivered(made, 40)
        marker = r'_raw/good .*"value":(\d+)' if form == "umh" else r'"good": (?:{"value": )?(\d+)'
        # What the dead broker had acknowledged and not passed on yet, nobody can hear again.
        missing = set(range(COUNT)) - told(platform, marker)
        assert all(COUNT // 3 - 5 <= number <= COUNT // 3 for number in missing)

    listen = Subscriber if form in FILTERS else Answering
    with Mosquitto(tmp_path) as broker, listen(broker.port, FILTERS.get(form, "#")) as platform:
        asyncio.run(main(broker, platform))
