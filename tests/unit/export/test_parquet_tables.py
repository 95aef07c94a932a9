import io
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from pyarrow import parquet

from adapters.export.parquet_tables import ROW_GROUP, ParquetBuckets, ParquetReadings
from domain.sensors.model import QualityCode, SensorId
from domain.sensors.services.buckets import Aggregate
from domain.sensors.table_ports import BucketRows
from domain.shared.time import from_microseconds
from tests.unit.export.samples import LISBON, READINGS, bucket, rows_of


def opened(data: bytes) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return parquet.ParquetFile(io.BytesIO(data))


@settings(deadline=None)
@given(READINGS, READINGS)
def test_what_is_written_reads_back_the_same(
    first: list[tuple[int, float, int]], second: list[tuple[int, float, int]]
) -> None:
    writer = ParquetReadings(["W", "kW"])
    data = b"".join([writer.add(rows_of(first)), writer.add(rows_of(second, "b", "W")), writer.end()])
    table = opened(data).read()
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (name, from_microseconds(time), value, QualityCode(code).name, unit)
        for name, unit, rows in (("AC1.power", "kW", first), ("b", "W", second))
        for time, value, code in rows
    ]


def test_columns_have_the_types_that_programs_expect() -> None:
    writer = ParquetReadings(["kW"])
    file = opened(writer.add(rows_of([(1, 2.5, 0)])) + writer.end())
    schema = file.schema_arrow
    assert schema.names == ["sensor_id", "time", "value", "quality", "unit"]
    assert schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert schema.field("value").type == pa.float64()
    for name in ("sensor_id", "quality", "unit"):
        assert pa.types.is_dictionary(schema.field(name).type)
    assert schema.metadata[b"unit"] == b"kW"
    assert b"unit" not in (opened(ParquetReadings(["W", "kW"]).end()).schema_arrow.metadata or {})


def test_row_groups_are_bounded_and_leave_as_soon_as_they_are_full() -> None:
    writer = ParquetReadings(["kW"])
    part = ROW_GROUP // 4 * 3
    pieces = [
        writer.add(rows_of([(time, float(time), 0) for time in range(n * part, (n + 1) * part)], f"s{n}"))
        for n in range(4)
    ]
    # The first has but the file's first letters ready.
    assert len(pieces[0]) < 100 < min(len(piece) for piece in pieces[1:])
    file = opened(b"".join(pieces) + writer.end())
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [ROW_GROUP] * 3
    read = file.read()
    assert read.column("value").to_pylist() == [float(time) for time in range(4 * part)]
    assert read.column("sensor_id").to_pylist() == [f"s{n}" for n in range(4) for _ in range(part)]


def test_more_rows_than_a_group_may_come_at_once() -> None:
    writer = ParquetReadings(["kW"])
    rows = [(time, 1.0, time % 3) for time in range(2 * ROW_GROUP + 1)]
    file = opened(writer.add(rows_of(rows)) + writer.end())
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [ROW_GROUP, ROW_GROUP, 1]
    assert file.read().column("quality").to_pylist() == [QualityCode(code).name for *_, code in rows]


def test_a_file_of_nothing_has_its_columns() -> None:
    table = opened(ParquetReadings(["kW"]).end()).read()
    assert (table.num_rows, table.num_columns) == (0, 5)
    assert opened(ParquetBuckets(["kW"], [Aggregate.ENERGY]).end()).schema_arrow.field("energy").nullable


def test_buckets_are_in_the_zone_of_their_days() -> None:
    writer = ParquetBuckets(["kW"], list(Aggregate))
    hours = [bucket(0), bucket(1, value=None, expected=None)]
    rows = [BucketRows(SensorId(name), "kW", hours) for name in ("a", "b")]
    data = b"".join([writer.add(BucketRows(SensorId("0"), "kW", [])), *map(writer.add, rows), writer.end()])
    table = opened(data).read()
    assert table.schema.field("start").type == pa.timestamp("us", tz="Europe/Lisbon")
    assert table.schema.field("count").type == pa.int64()
    found = table.to_pylist()
    assert [(row["sensor_id"], row["start"].astimezone(LISBON)) for row in found] == [
        (name, hour.start) for name in ("a", "b") for hour in hours
    ]
    assert [row["start"].utcoffset() for row in found] == [hour.start.utcoffset() for hour in hours] * 2
    assert found[0] | {"start": 0, "end": 0} == {
        "sensor_id": "a",
        "start": 0,
        "end": 0,
        **{one.value: 1.5 for one in Aggregate},
        "count": 4,
        "expected": 4,
        "actual": 4,
        "coverage": 1.0,
        "quality": "OK",
        "settled": True,
        "unit": "kW",
    }
    assert found[1]["mean"] is None
    assert found[1]["expected"] is None
    assert found[1]["quality"] == "MISSING"
