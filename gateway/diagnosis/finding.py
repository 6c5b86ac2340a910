"""One thing that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.diagnosis.catalogue import remedy


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: stable, the same in every language: see `catalogue`.
        subject: what it is wrong with: a device, a link, a publisher, `store`, `clock`.
        what: in words.
        since_ms: UTC ms since when; 0 where nobody knows.
        alarm: name of the gateway's own alarm that says the same once it has lasted, or "".
    """

    code: str
    subject: str
    what: str
    since_ms: int = 0
    alarm: str = ""

    @property
    def next(self) -> str:
        """What to do about it."""
        return remedy(self.code)

    def as_json(self) -> dict[str, object]:
        """For other programs; `what` and `next` in the language of the messages."""
        return {
            "code": self.code,
            "subject": self.subject,
            "what": self.what,
            "since": self.since_ms or None,
            "next": self.next,
        }
