"""What all simulated devices have in a scenario: where they answer, and strict parsing."""

from abc import ABC, abstractmethod
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.sitefile.explain import Wrong
from gateway.sitefile.units import Int, Number
from gateway.words import _
from simulators.memory import Area, Memory
from simulators.truth import Happening

Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[Int, Field(ge=0)]
Kilowatts = Annotated[Number, Field(ge=0)]


class Strict(BaseModel):
    """A frozen part of a scenario in which an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_link(url: str) -> str:
    """Only what `server.py` serves; serial lines will have another scheme."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "modbus+tcp" and parts.hostname and parts.port is not None:
            return url
    except ValueError:  # a port that is no number
        pass
    raise Wrong(
        "bad-link",
        _('"{url}" can\'t be served').format(url=url),
        _("write scheme, address and port: modbus+tcp://127.0.0.1:15021"),
    )


class Served(Strict):
    """A device of the scenario.

    Attributes:
        link: where it answers, as a site file writes it; devices may share one. Port 0 is any
            free one.
        unit: its unit id on that link.
    """

    serves: str
    link: Annotated[str, AfterValidator(_check_link)]
    unit: Annotated[Int, Field(ge=0, le=255)] = 1

    @property
    def host(self) -> str:
        """Address that it listens on."""
        return urlsplit(self.link).hostname or ""

    @property
    def port(self) -> int:
        """Port that it listens on; 0 is any free one."""
        return urlsplit(self.link).port or 0


class Device(ABC):
    """Something with registers: what the workshop asks of a machine or a meter."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, for people."""

    @property
    @abstractmethod
    def areas(self) -> tuple[Area, ...]:
        """Which addresses its memory has."""

    @abstractmethod
    def refresh(self, memory: Memory) -> None:
        """Put what is now into the device's memory."""

    def obey(self, memory: Memory) -> None:  # noqa: B027 - most devices take no orders
        """Take over what a client wrote into the device's memory."""

    @abstractmethod
    def begin(self) -> Happening:
        """Say for the truth what the device's counters show at the start."""

    @abstractmethod
    def end(self) -> Happening:
        """Sum up for the truth what happened since."""
