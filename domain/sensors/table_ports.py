"""Tables of readings and of buckets, as files are made of them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from domain.sensors.model import ReadingColumns, SensorId
from domain.sensors.services.buckets import Aggregate, Bucket

Rows_contra = TypeVar("Rows_contra", contravariant=True)


class TableFormat(StrEnum):
    """The forms of a file."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class ReadingRows:
    """Readings of one sensor, by time, with values in ``unit``."""

    sensor_id: SensorId
    unit: str
    columns: ReadingColumns


@dataclass(frozen=True, slots=True)
class BucketRows:
    """Buckets of one sensor, by time, with values in ``unit`` (energy in kWh always)."""

    sensor_id: SensorId
    unit: str
    buckets: Sequence[Bucket]


class TableWriter(Protocol[Rows_contra]):
    """Turns rows into the bytes of one file, in memory that does not grow with the file."""

    @abstractmethod
    def add(self, rows: Rows_contra) -> bytes:
        """Take further rows; return the bytes that are ready, perhaps none yet."""

    @abstractmethod
    def end(self) -> bytes:
        """Return what is left: from here on the file is whole."""


class TableFormats(Protocol):
    """Makes a writer for each file."""

    @abstractmethod
    def readings(self, form: TableFormat, units: Sequence[str]) -> TableWriter[ReadingRows]:
        """Return a writer of readings that come in these units.

        Raises:
            InvalidError: ``parquet_unavailable``, where what writes it is not installed.

        """

    @abstractmethod
    def buckets(
        self, form: TableFormat, units: Sequence[str], aggregates: Sequence[Aggregate]
    ) -> TableWriter[BucketRows]:
        """Return a writer of buckets with these of their aggregates.

        Raises:
            InvalidError: ``parquet_unavailable``, where what writes it is not installed.

        """
