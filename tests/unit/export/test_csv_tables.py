import csv
import io
from array import array
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.export.csv_tables import CsvBuckets, CsvReadings, cell, times_as_text
from domain.sensors.model import QualityCode, SensorId
from domain.sensors.services.buckets import Aggregate
from domain.sensors.table_ports import BucketRows
from domain.shared.time import from_microseconds, to_microseconds
from tests.unit.export.samples import READINGS, TIMES_US, bucket, rows_of


def parsed(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


@given(st.lists(TIMES_US, max_size=50).map(sorted))
def test_times_are_those_of_isoformat(times: list[int]) -> None:
    assert times_as_text(array("q", times)) == [from_microseconds(time).isoformat() for time in times]


@given(READINGS, READINGS, st.text(max_size=20))
def test_what_is_written_reads_back_the_same(
    first: list[tuple[int, float, int]], second: list[tuple[int, float, int]], unit: str
) -> None:
    writer = CsvReadings()
    data = b"".join(
        [
            writer.add(rows_of(first)),
            writer.add(rows_of([])),
            writer.add(rows_of(second, "b", unit)),
            writer.end(),
        ]
    )
    header, *lines = parsed(data)
    assert header == ["sensor_id", "time", "value", "quality", "unit"]
    back = [
        (name, to_microseconds(datetime.fromisoformat(time)), float(value), QualityCode[quality])
        for name, time, value, quality, _ in lines
    ]
    assert back == [("AC1.power", *row) for row in first] + [("b", *row) for row in second]
    # Minus zero too, which compares as zero.
    assert [line[2] for line in lines] == [repr(value) for _, value, _ in [*first, *second]]


def test_a_file_of_nothing_has_its_header() -> None:
    assert CsvReadings().end() == b"sensor_id,time,value,quality,unit\r\n"
    assert parsed(CsvBuckets([Aggregate.MEAN]).end())[0][3] == "mean"


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("kW", "kW"),
        ("", ""),
        ('pieces, "good"', '"pieces, ""good"""'),
        ("-", "-"),
        ("=1+1", "'=1+1"),
        (" @SUM(A1)", "' @SUM(A1)"),
        ("-2+3", "'-2+3"),
        ('=cmd|" /C calc"!A0', '"\'=cmd|"" /C calc""!A0"'),
        ("two\r\nlines\tand\x00more", "two  lines and more"),
    ],
)
def test_units_are_quoted_and_never_a_formula(unit: str, written: str) -> None:
    assert cell(unit) == written


def test_buckets_have_offsets_and_empty_cells_for_no_value() -> None:
    writer = CsvBuckets([Aggregate.MEAN, Aggregate.COUNT])
    rows = BucketRows(SensorId("a"), "kW", [bucket(0), bucket(1, value=None, expected=None)])
    data = writer.add(rows) + writer.add(BucketRows(SensorId("b"), "kW", [])) + writer.end()
    assert data.decode().split("\r\n") == [
        "sensor_id,start,end,mean,count,expected,actual,coverage,quality,settled,unit",
        "a,2026-10-25T01:00:00+01:00,2026-10-25T01:00:00+00:00,1.5,4,4,4,1.0,OK,true,kW",
        "a,2026-10-25T01:00:00+00:00,2026-10-25T02:00:00+00:00,,0,,0,0.0,MISSING,true,kW",
        "",
    ]
