"""United Manufacturing Hub: its namespace in MQTT, as umh-core or the older stack reads it.

Source: docs.umh.app, "Unified Namespace" (topic convention, payload formats); the data contracts
`_raw` (one value a topic) and `_historian` (many).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, plug
from gateway.publishers.dialects.samples import rows, samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Record
    from gateway.publishers.format import Parts

RAW = "_raw"


class Umh(Dialect):
    """Of one publisher."""

    name = "umh"
    most = 1 << 20

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._places: dict[tuple[str, str], str] = {}

    def lane(self, record: Record, *, hist: bool) -> str:
        """The place of an asset and the contract."""
        del hist
        platform = self._config.platform
        contract = platform.contract if platform is not None else RAW
        place = self._places.get((record.line, record.asset))
        if place is None:
            own = self._identity
            levels = ("umh/v1", own.enterprise, own.site, record.line, record.asset)
            place = self._places[record.line, record.asset] = "/".join(levels)
        return f"{place}/{contract}"

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """A value's own topic and nothing but time and value in it; or the values of one time."""
        lane = self.lane(record, hist=hist)
        if lane.endswith(RAW):
            return [
                Part(f"{lane}/{name}", b'{"timestamp_ms":%d,"value":%b}' % (t, orjson.dumps(value)))
                for t, values in samples(record)
                for name, value in values.items()
            ]
        return [
            Part(lane, b'{"timestamp_ms":%d,%b' % (t, values[1:])) for t, values in rows(record)
        ]


plugin = plug(Umh)
