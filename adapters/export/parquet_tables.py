"""Parquet by pyarrow, row group by row group, so that memory does not grow with the file."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from domain.sensors.model import QualityCode
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.table_ports import BucketRows, ReadingRows, TableWriter
from domain.shared.columns import Floats, Integers
from domain.shared.quantities import Quality
from domain.shared.time import to_microseconds

ROW_GROUP: Final = 100_000
"""Rows that are held back until they are written together."""

_NAMES: Final = pa.dictionary(pa.int32(), pa.string())
_WORDS: Final = pa.dictionary(pa.int8(), pa.string())
_QUALITY_CODES: Final = pa.array([code.name for code in QualityCode])
_QUALITIES: Final = [quality.value for quality in Quality]


class _Sink:
    """What pyarrow writes to: bytes that are taken away as they come."""

    def __init__(self) -> None:
        self._written: list[bytes] = []
        self._position = 0
        self.closed = False

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes or a buffer of pyarrow
        piece = bytes(data)
        self._written.append(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        """Return what came since the last time."""
        taken = b"".join(self._written)
        self._written.clear()
        return taken


class _File:
    """A file of a schema. With one unit in it, its metadata has ``unit``."""

    def __init__(self, schema: Any, units: Sequence[str]) -> None:  # noqa: ANN401 - pyarrow is untyped
        self._sink = _Sink()
        self.schema = schema.with_metadata({"unit": units[0]} if len(units) == 1 else {})
        # Times step evenly, so that differences take less room than a dictionary.
        times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
        self._writer = parquet.ParquetWriter(
            self._sink,
            self.schema,
            compression="zstd",
            use_dictionary=[field.name for field in schema if field.name not in times],
            column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
        )

    def write(self, columns: Mapping[str, Any]) -> bytes:
        """Write a row group."""
        table = pa.table([columns[name] for name in self.schema.names], schema=self.schema)
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        return self._sink.take()

    def end(self) -> bytes:
        """Write the footer."""
        self._writer.close()
        return self._sink.take()


class ParquetReadings(TableWriter[ReadingRows]):
    """Columns sensor_id, time (µs, UTC), value, quality, unit; row groups of up to 100,000 rows."""

    def __init__(self, units: Sequence[str]) -> None:
        schema = pa.schema(
            [
                pa.field("sensor_id", _NAMES, nullable=False),
                pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
                pa.field("value", pa.float64(), nullable=False),
                pa.field("quality", _WORDS, nullable=False),
                pa.field("unit", _NAMES, nullable=False),
            ]
        )
        self._file = _File(schema, units)
        self._units = pa.array(list(units), pa.string())
        self._unit_codes = {unit: code for code, unit in enumerate(units)}
        self._clear()

    def _clear(self) -> None:
        self._sensors: dict[str, int] = {}
        self._sensor_codes, self._times_us = array("i"), array("q")
        self._values, self._qualities, self._unit_of = array("d"), array("b"), array("i")

    def add(self, rows: ReadingRows) -> bytes:
        columns = rows.columns
        written: list[bytes] = []
        start = 0
        while start < len(columns):
            stop = min(len(columns), start + ROW_GROUP - len(self._times_us))
            self._sensor_codes.extend(
                array("i", [self._sensors.setdefault(rows.sensor_id, len(self._sensors))]) * (stop - start)
            )
            self._unit_of.extend(array("i", [self._unit_codes[rows.unit]]) * (stop - start))
            self._times_us.extend(columns.times_us[start:stop])
            self._values.extend(columns.values[start:stop])
            self._qualities.extend(columns.qualities[start:stop])
            start = stop
            if len(self._times_us) == ROW_GROUP:
                written.append(self._row_group())
        return b"".join(written)

    def end(self) -> bytes:
        last = self._row_group() if self._times_us else b""
        return last + self._file.end()

    def _row_group(self) -> bytes:
        types = self._file.schema
        written = self._file.write(
            {
                "sensor_id": _coded(self._sensor_codes, pa.array(list(self._sensors), pa.string())),
                "time": _plain(self._times_us, types.field("time").type),
                "value": _plain(self._values, pa.float64()),
                "quality": _coded(self._qualities, _QUALITY_CODES),
                "unit": _coded(self._unit_of, self._units),
            }
        )
        self._clear()
        return written


class ParquetBuckets(TableWriter[BucketRows]):
    """A row a bucket; its times are of the zone that the buckets are of."""

    def __init__(self, units: Sequence[str], aggregates: Sequence[Aggregate]) -> None:
        self._units = units
        self._aggregates = aggregates
        self._file: _File | None = None

    def add(self, rows: BucketRows) -> bytes:
        written: list[bytes] = []
        for at in range(0, len(rows.buckets), ROW_GROUP):
            buckets = rows.buckets[at : at + ROW_GROUP]
            if self._file is None:
                self._file = self._begun(str(buckets[0].start.tzinfo))
            written.append(self._file.write(self._columns(rows, buckets, self._file.schema)))
        return b"".join(written)

    def end(self) -> bytes:
        if self._file is None:
            self._file = self._begun("UTC")
        return self._file.end()

    def _begun(self, zone: str) -> _File:
        time = pa.timestamp("us", tz=zone)
        schema = pa.schema(
            [
                pa.field("sensor_id", _NAMES, nullable=False),
                pa.field("start", time, nullable=False),
                pa.field("end", time, nullable=False),
                *(pa.field(one.value, _type_of(one)) for one in self._aggregates),
                pa.field("expected", pa.int64()),
                pa.field("actual", pa.int64(), nullable=False),
                pa.field("coverage", pa.float64(), nullable=False),
                pa.field("quality", _WORDS, nullable=False),
                pa.field("settled", pa.bool_(), nullable=False),
                pa.field("unit", _NAMES, nullable=False),
            ]
        )
        return _File(schema, self._units)

    def _columns(self, rows: BucketRows, buckets: Sequence[Bucket], types: Any) -> dict[str, Any]:  # noqa: ANN401
        time, count = types.field("start").type, len(buckets)
        codes = array("b", [_QUALITIES.index(bucket.quality) for bucket in buckets])
        aggregates = {
            one.value: pa.array([bucket.aggregates[one] for bucket in buckets], _type_of(one))
            for one in self._aggregates
        }
        return {
            "sensor_id": _coded(array("i", bytes(4 * count)), pa.array([rows.sensor_id])),
            "start": _plain(array("q", [to_microseconds(bucket.start) for bucket in buckets]), time),
            "end": _plain(array("q", [to_microseconds(bucket.end) for bucket in buckets]), time),
            **aggregates,
            "expected": pa.array([bucket.expected for bucket in buckets], pa.int64()),
            "actual": pa.array([bucket.actual for bucket in buckets], pa.int64()),
            "coverage": pa.array([bucket.coverage for bucket in buckets], pa.float64()),
            "quality": _coded(codes, pa.array(_QUALITIES)),
            "settled": pa.array([bucket.settled for bucket in buckets]),
            "unit": _coded(array("i", bytes(4 * count)), pa.array([rows.unit])),
        }


def _type_of(aggregate: Aggregate) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return pa.int64() if aggregate is Aggregate.COUNT else pa.float64()


def _plain(values: "Integers | Floats", kind: Any) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """Return the column over the same memory."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _coded(codes: Integers, words: Any) -> Any:  # noqa: ANN401 - pyarrow is untyped
    kind = pa.int32() if codes.typecode == "i" else pa.int8()
    return pa.DictionaryArray.from_arrays(_plain(codes, kind), words)
