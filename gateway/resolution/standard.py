"""Tables of efficiency standards, as data with their source; see profiles/standards/.

A table tells the lines of grades for one kind of machine. What no table is for has no published
level: nothing is interpolated, and nothing is taken from a similar machine.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway.errors import ConfigError
from gateway.resolution.library import Library, Names
from gateway.sitefile.document import validate
from gateway.sitefile.metering import NameplateConfig
from gateway.sitefile.part import Part
from gateway.sitefile.units import Day, Number

STANDARDS = Library("standards", 1)
COMPRESSORS = "gb-19153-2019"

Line = Annotated[Number, Field(gt=0)] | None


class Table(Part):
    """The lines of machines that differ in their rated power alone."""

    drive: Literal["fixed", "variable"]
    pressure: Annotated[Number, Field(gt=0)] = Field(description="MPa")
    cooling: Literal["air", "liquid", "unstated"]
    grades: dict[str, tuple[Line, Line, Line]] = Field(description="by rated power in kW")


class Standard(Part):
    """An excerpt of a standard."""

    standard: str
    name: Names
    in_force: Day
    unit: Literal["kW/(m3/min)"]
    source: str
    confidence: str
    tables: tuple[Table, ...]

    def lines(self, plate: NameplateConfig) -> tuple[Line, ...]:
        """The lines of grades 1, 2 and 3 for a machine; none where no level is published."""
        for table in self.tables:
            kind = table.drive, table.pressure, table.cooling
            if kind != (plate.drive, plate.pressure, plate.cooling):
                continue
            for power, lines in table.grades.items():
                if plate.power is not None and float(power) == plate.power:
                    return lines
        return ()


@cache
def compressors() -> Standard:
    """The standard of displacement air compressors.

    Raises:
        ConfigError: the file that ships with the gateway was damaged.
    """
    document, _path, faults = STANDARDS.open(COMPRESSORS, Path())
    standard = None
    if document is not None and not faults:
        standard, faults = validate(document, (), Standard)
    if standard is None:
        raise ConfigError(faults)
    return standard
