"""The readings of one chunk as they are gathered."""

from array import array
from dataclasses import dataclass, field

from domain.ingestion.files import RejectedLine
from domain.ingestion.model import SensorId
from domain.shared.columns import Floats, Integers


@dataclass(slots=True)
class GatheredReadings:
    """Columns of equal length, in the order of the file, and what was refused."""

    sensor_ids: list[SensorId] = field(default_factory=list)
    times_us: Integers = field(default_factory=lambda: array("q"))
    values: Floats = field(default_factory=lambda: array("d"))
    line_numbers: Integers = field(default_factory=lambda: array("q"))
    rejected: list[RejectedLine] = field(default_factory=list)
    data_lines: int = 0
    """Lines that are neither empty nor comments."""
    readable_lines: int = 0
    """Those with a time, and a value or the lack of one."""
