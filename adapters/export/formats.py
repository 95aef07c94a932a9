"""The forms of files, and what makes them."""

from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

from adapters.export.csv_tables import CsvBuckets, CsvReadings
from domain.sensors.services.buckets import Aggregate
from domain.sensors.table_ports import BucketRows, ReadingRows, TableFormat, TableFormats, TableWriter
from domain.shared.errors import InvalidError


class FileFormats(TableFormats):
    """CSV always, Parquet where pyarrow is installed, which is loaded when the first file asks for it."""

    def __init__(self) -> None:
        self._load: Callable[[str], ModuleType] = import_module

    def readings(self, form: TableFormat, units: Sequence[str]) -> TableWriter[ReadingRows]:
        if form is TableFormat.CSV:
            return CsvReadings()
        writer: TableWriter[ReadingRows] = self._parquet().ParquetReadings(units)
        return writer

    def buckets(
        self, form: TableFormat, units: Sequence[str], aggregates: Sequence[Aggregate]
    ) -> TableWriter[BucketRows]:
        if form is TableFormat.CSV:
            return CsvBuckets(aggregates)
        writer: TableWriter[BucketRows] = self._parquet().ParquetBuckets(units, aggregates)
        return writer

    def _parquet(self) -> ModuleType:
        try:
            return self._load("adapters.export.parquet_tables")
        except ImportError as error:
            raise InvalidError(
                "parquet_unavailable",
                "Parquet needs pyarrow, which is not installed where this service runs: "
                "pip install 'energy-dashboard[parquet]'; format=csv needs nothing",
            ) from error
