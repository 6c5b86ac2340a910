"""What a later start needs to know besides records and log: one piece of JSON, kept with them."""

from __future__ import annotations

from typing import Any

import orjson

_CLOCK = ""  # beside the assets' names, of which none is empty


class Notes:
    """Attributes: when each asset was `heard` last (UTC ms), and what is known of the `clock`."""

    def __init__(self, body: bytes | None) -> None:
        self.heard: dict[str, int] = orjson.loads(body or b"{}")
        self.clock: dict[str, Any] = self.heard.pop(_CLOCK, {})
        self._body = body

    def news(self) -> bytes | None:
        """All of it, to be kept; None where it is what was kept last."""
        clock = {_CLOCK: self.clock} if self.clock else {}
        body = orjson.dumps({**self.heard, **clock}, option=orjson.OPT_SORT_KEYS)
        if body == self._body:
            return None
        self._body = body
        return body
