"""The document of a proof: what was asked, read, shown and counted, by whom and when.

It is written anew after each tag, so that a walk may be broken off and gone on with.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway import __version__
from gateway.durable import write_whole
from gateway.errors import ConfigError, Fault
from gateway.proving.comparing import Result
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.model import Value
    from gateway.plant import Plant
    from gateway.proving.selection import Asked

SCHEMA = "nxgate-proof/1"
PASSED, FAILED, INCOMPLETE = "passed", "failed", "incomplete"


@dataclass(slots=True)
class Reading:
    """One reading of a tag.

    Attributes:
        time: local, with its offset.
        request: what was asked, e.g. `holding 100 (FC03, unit 1)`.
        raw: registers, bytes or bits, as they came; `raw_hex` spells them as `nxgate read` does.
        error: why there is no value, or "".
    """

    time: str
    request: str
    raw: list[int]
    raw_hex: str
    value: Value
    quality: str
    error: str = ""


@dataclass(slots=True)
class Entry:
    """One tag.

    Attributes:
        name: of people, by language.
        feeds: as `asset.signal`.
        digest: of what makes its value.
        where: file and line that declare it.
        result: None while it is open.
        before, after: read before and after somebody said what is shown.
        shown: as it was typed.
        time: when that was.
    """

    device: str
    tag: str
    at: str
    kind: str
    unit: str | None
    name: dict[str, str]
    feeds: list[str]
    digest: str
    where: str
    result: str | None = None
    before: Reading | None = None
    after: Reading | None = None
    shown: str | None = None
    difference: float | None = None
    tolerance: float | None = None
    note: str = ""
    by: str = ""
    time: str | None = None


@dataclass(slots=True)
class Outage:
    """One broker cut.

    Attributes:
        seconds: how long.
        stored: records made from the cut until the connection was to come back.
        delivered: of these, acknowledged by the broker.
        heard: of these, sent out again by the broker to a listener; None: it lets none listen.
        missing: ids of those not delivered, or not heard; at most 100.
        why: what keeps it from being proved, or "".
    """

    publisher: str
    url: str
    seconds: float
    began: str
    ended: str = ""
    stored: int = 0
    delivered: int = 0
    heard: int | None = None
    missing: list[str] = field(default_factory=list)
    first: str = ""
    last: str = ""
    why: str = ""
    result: str = FAILED


@dataclass(slots=True)
class Proof:
    """All of it; see `proof.schema.json`.

    Attributes:
        began, ended: local time with its offset; ended None while something is open.
        scope: `n`: layer N and what feeds figures; `all`.
    """

    site: dict[str, str]
    by: str
    account: str
    began: str
    scope: str
    tags: list[Entry] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    ended: str | None = None
    nxgate: str = __version__

    @property
    def open(self) -> list[Entry]:
        """The tags that nobody has said anything of."""
        return [entry for entry in self.tags if entry.result is None]

    @property
    def result(self) -> str:
        """All of it in a word."""
        results = {entry.result for entry in self.tags}
        bad = results - {Result.OK, Result.SKIPPED, None}
        if bad or any(one.result == FAILED for one in self.outages):
            return FAILED
        return PASSED if results == {Result.OK} else INCOMPLETE

    def lay_over(self, asked: Sequence[Asked]) -> None:
        """Take the tags that are to be proved now; what was said of one that is as it was stays."""
        known = {(entry.device, entry.tag, entry.digest): entry for entry in self.tags}
        self.tags = [
            known.get((one.tag.device, one.tag.name, one.digest)) or _entry(one) for one in asked
        ]

    def save(self, path: Path) -> None:
        """Write it as a whole.

        Raises:
            ConfigError: it can't be written.
        """
        made = {"schema": SCHEMA, "result": self.result, **asdict(self)}
        content = json.dumps(made, ensure_ascii=False, indent=1).encode() + b"\n"
        try:
            write_whole(path, content)
        except OSError as error:
            what = _("the file can't be written: {error}").format(error=error.strerror or error)
            next_ = _("choose a folder that is yours, or make room on the disk")
            raise ConfigError([Fault(str(path), 0, 0, "unwritable", what, next_)]) from error


def begin(plant: Plant, digest: str, by: str, account: str, *, whole: bool) -> Proof:
    """Make a proof with nothing proved.

    Args:
        plant: the site.
        digest: of the site file.
        by: who proves it.
        account: the computer's own word for that.
        whole: whether all tags are asked for.
    """
    identity = plant.identity
    site = {
        "cluster": identity.cluster,
        "enterprise": identity.enterprise,
        "site": identity.site,
        "gateway": identity.gateway,
        "file": str(plant.files[0]),
        "sha256": digest,
    }
    return Proof(site, by, account, now(), "all" if whole else "n")


def load(path: Path) -> Proof:
    """Read a proof that was begun.

    Raises:
        ConfigError: it is none, or of another version.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        is_known = data.pop("schema") == SCHEMA
        data.pop("result")
        tags = [
            Entry(**{**one, "before": _reading(one["before"]), "after": _reading(one["after"])})
            for one in data.pop("tags")
        ]
        outages = [Outage(**one) for one in data.pop("outages")]
        proof = Proof(tags=tags, outages=outages, **data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _no_proof(path) from error
    if not is_known:
        raise _no_proof(path)
    return proof


def _no_proof(path: Path) -> ConfigError:
    what = _("this is no proof that can be gone on with")
    next_ = _("name another file with --out, or begin anew with --fresh")
    return ConfigError([Fault(str(path), 0, 0, "no-proof", what, next_)])


def now() -> str:
    """The computer's local time with its offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _reading(data: dict[str, Any] | None) -> Reading | None:
    return None if data is None else Reading(**data)


def _entry(asked: Asked) -> Entry:
    tag = asked.tag
    return Entry(
        device=tag.device,
        tag=tag.name,
        at=tag.at,
        kind=str(tag.kind),
        unit=tag.unit,
        name=dict(asked.text),
        feeds=list(asked.feeds),
        digest=asked.digest,
        where=tag.where,
    )
