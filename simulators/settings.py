"""What all simulated devices have in a scenario: where they answer, and strict parsing."""

from abc import ABC, abstractmethod
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.sitefile.units import Int, Number
from simulators.memory import Area, Memory
from simulators.place import Place
from simulators.truth import Happening

Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[Int, Field(ge=0)]
Kilowatts = Annotated[Number, Field(ge=0)]


class Strict(BaseModel):
    """A frozen part of a scenario in which an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_link(url: str) -> str:
    """Only what `server.py` serves."""
    Place.of(url)
    return url


class Served(Strict):
    """A device of the scenario.

    Attributes:
        link: where it answers, as a site file writes it; devices may share one. Port 0 is any
            free one; a line's path becomes a pseudo-terminal.
        unit: its unit id on that link.
    """

    serves: str
    link: Annotated[str, AfterValidator(_check_link)]
    unit: Annotated[Int, Field(ge=0, le=255)] = 1

    @property
    def place(self) -> Place:
        """Where it answers."""
        return Place.of(self.link)


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

    def count_from(self, share: float) -> bool:
        """Let all counters stand at a share of what they count to; False where it can't."""
        del share
        return False

    @abstractmethod
    def begin(self) -> Happening:
        """Say for the truth what the device's counters show at the start."""

    @abstractmethod
    def end(self) -> Happening:
        """Sum up for the truth what happened since."""
