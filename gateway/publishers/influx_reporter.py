"""What the InfluxDB publisher tells people."""

from __future__ import annotations

from gateway.publishers.causes import Cause
from gateway.publishers.reporter import Reporter
from gateway.words import _


class InfluxReporter(Reporter):
    """Logs for one publisher.

    Args:
        name: its key in the site file.
        where: `file:line` that configures it.
    """

    def __init__(self, name: str, where: str) -> None:
        super().__init__(name, "", where)

    def up(self, url: str, version: str) -> None:
        """The first batch was answered."""
        self.error = self.cause = ""
        self._inform(_("{name}: {url} takes records, API {version}"), url=url, version=version)

    def _next(self, cause: str) -> str:
        match cause:
            case Cause.CREDENTIALS:
                return _("check the token, and that it may write to the bucket")
            case Cause.TLS:
                return _("check the host name in the url, tls.ca and its dates")
            case Cause.UNSUITABLE:
                return _("check url, org and bucket: the server has no v2 write API there")
            case Cause.NAME:
                return _("check the name in the url and this machine's name server")
            case Cause.UNANSWERED:
                return _("check the server: its log, its disk, its load")
            case _other:
                return _("check that the server runs and can be reached from here")

    def _refusal(self) -> str:
        return _(
            "{name}: {topic} is refused: {why}. Its records are kept and tried again; the database"
            " has a field of that name with another type: rename the tag, or delete the"
            " measurement there"
        )

    def _parts(self) -> str:
        return _(
            "{name}: telemetry is larger than the server takes, and goes in parts of {size} bytes"
        )
