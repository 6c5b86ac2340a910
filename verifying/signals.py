"""What telemetry holds: the tags of its meta, in their types; null only for what is bad."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Message
    from verifying.findings import Findings

ASSETS = 100_000
REVISIONS = 4
"""Of one asset: late telemetry may belong to an earlier one."""
BAD = 2


@dataclass(frozen=True, slots=True)
class Meta:
    """What a revision of an asset's meta says.

    Attributes:
        digest: of its content.
        types: tag name → bool, int, float or string.
    """

    digest: bytes
    types: dict[str, str]


class Signals:
    """Remembers the newest revisions of every asset's meta."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._assets: Bounded[str, dict[str, Meta]] = Bounded(ASSETS)
        self.open = False
        """True once what the broker kept has been heard, so that a meta unheard is missing."""

    def meta(self, message: Message) -> None:
        """Take a meta into account."""
        body = message.body
        name = message.levels["asset"]
        self._findings.judge("address")
        if body["asset"]["id"] != name:
            what = _("asset.id is {name}").format(name=body["asset"]["id"])
            self._findings.fault("address", message.topic, message.id, what)
        content = {key: body.get(key) for key in ("asset", "tags", "kpis")}
        try:
            written = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # nested deeper than it writes
            written = message.arrival.payload
        digest = blake2b(written, digest_size=8).digest()
        known = self._assets.get(message.asset) or {}
        same = known.pop(body["rev"], None)
        self._findings.judge("meta")
        if same is not None and same.digest != digest:
            what = _("rev {rev} came before with another content").format(rev=body["rev"])
            self._findings.fault("meta", message.topic, message.id, what)
        known[body["rev"]] = Meta(digest, {tag["n"]: tag["t"] for tag in body["tags"]})
        while len(known) > REVISIONS:
            del known[next(iter(known))]
        self._assets.put(message.asset, known)

    def telemetry(self, message: Message) -> None:
        """Hold telemetry against its meta."""
        body = message.body
        late = message.levels["mode"] == "hist"
        self._findings.judge("hist")
        if message.levels["mode"] not in {"live", "hist"} or message.hist is not late:
            what = _("hist is {flag} on …/{mode}").format(
                flag=str(message.hist).lower(), mode=message.levels["mode"]
            )
            self._findings.fault("hist", message.topic, message.id, what)
        meta = (self._assets.get(message.asset) or {}).get(body["rev"])
        if meta is not None:
            self._findings.judge("meta")
            self._hold(message, meta)
        elif late:
            self._findings.leave("meta", _("history of a revision that was told unheard"))
        elif not self.open:
            self._findings.leave("meta", _("before everything that the broker keeps was heard"))
        else:
            self._findings.judge("meta")
            what = _("no meta of rev {rev} came before it").format(rev=body["rev"])
            self._findings.fault("meta", message.topic, message.id, what)
        self._findings.judge("null")
        for row in body["rows"]:
            self._nulls(message, row["m"], row.get("q", {}))

    def _hold(self, message: Message, meta: Meta) -> None:
        self._findings.judge("tags")
        types = meta.types
        for row in message.body["rows"]:
            for name, value in row["m"].items():
                kind = types.get(name)
                if kind is None:
                    what = _("{name} is no tag of the meta").format(name=name)
                elif value is None or _fits(kind, value):
                    continue
                else:
                    what = _("{name} is {value}, and the meta says {kind}").format(
                        name=name, value=orjson.dumps(value).decode(), kind=kind
                    )
                self._findings.fault("tags", message.topic, message.id, what)
                return

    def _nulls(self, message: Message, values: dict[str, object], marks: dict[str, object]) -> None:
        wrong = [name for name, value in values.items() if value is None and marks.get(name) != BAD]
        wrong += [
            name for name, mark in marks.items() if mark == BAD and values.get(name) is not None
        ]
        if wrong:
            what = _("{name} is {value} with quality {mark}").format(
                name=wrong[0],
                value="null" if values[wrong[0]] is None else values[wrong[0]],
                mark=marks.get(wrong[0], 0),
            )
            self._findings.fault("null", message.topic, message.id, what)
        stray = [name for name in marks if name not in values]
        if stray:
            what = _("{name} has a quality and no value").format(name=stray[0])
            self._findings.fault("null", message.topic, message.id, what)


def _fits(kind: str, value: object) -> bool:
    """Tell whether a value is of the meta's type; JSON has one kind of number."""
    if isinstance(value, bool):
        return kind == "bool"
    if isinstance(value, int):
        return kind in {"int", "float"}
    if isinstance(value, float):
        return kind == "float" or (kind == "int" and value.is_integer())
    return isinstance(value, str) and kind == "string"
