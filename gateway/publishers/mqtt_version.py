"""Which MQTT is spoken: 5, because a 3.1.1 broker acknowledges what its ACL denied."""

from __future__ import annotations

from gateway.publishers.causes import Cause
from gateway.words import _

DROPS = 2
"""A broker that drops CONNECT once may be restarting; twice, it may not know version 5."""


class MqttVersion:
    """The version in use.

    Args:
        wanted: `5`, `3.1.1`, or `auto`: 5, and 3.1.1 where the broker doesn't know 5. Once a
            version has worked it stays, as long as the process lives.

    Attributes:
        now: the version to speak at the next connect.
    """

    def __init__(self, wanted: str) -> None:
        self.now = "3.1.1" if wanted == "3.1.1" else "5"
        self._fixed = wanted != "auto"
        self._drops = 0

    @property
    def note(self) -> str:
        """What should be known about the version in use, or ""."""
        if self.now == "5":
            return ""
        return _("MQTT 3.1.1: messages that the broker denies can't be seen")

    def worked(self) -> None:
        """The broker accepted this version."""
        self._fixed = True

    def failed(self, cause: str) -> bool:
        """Take a failed connect into account; True when another version is to be tried at once."""
        if self._fixed:
            return False
        if self.now == "3.1.1":
            self.now, self._drops = "5", 0
            return False
        self._drops += cause == Cause.DROPPED
        if cause in {Cause.VERSION, Cause.SILENT} or self._drops >= DROPS:
            self.now = "3.1.1"
        return self.now == "3.1.1"
