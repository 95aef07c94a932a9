"""CSV as RFC 4180 has it, in UTF-8.

Readings come with the column names that ``POST /data/readings`` takes, so that a file can be sent back.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from typing import Final

from domain.sensors.model import QualityCode
from domain.sensors.services.buckets import Aggregate
from domain.sensors.table_ports import BucketRows, ReadingRows, TableWriter
from domain.shared.columns import Integers

_END: Final = "\r\n"
_READINGS: Final = ("sensor_id", "time", "value", "quality", "unit")
_DAY_US: Final = 86_400_000_000
_SECOND_US: Final = 1_000_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTES: Final = [f"T{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]
_SECONDS: Final = [f":{second:02}" for second in range(60)]
_UTC: Final = "+00:00"
_QUOTED: Final = frozenset(',"')
# What a spreadsheet computes; a lone "-" it does not.
_FORMULA: Final = re.compile(r"\s*[=+\-@].*\w")


class CsvReadings(TableWriter[ReadingRows]):
    """A line a reading; a value reads back as the same float."""

    def __init__(self) -> None:
        self._begin = ",".join(_READINGS) + _END

    def add(self, rows: ReadingRows) -> bytes:
        columns = rows.columns
        sensor_id, unit = rows.sensor_id, cell(rows.unit)
        ends = [f",{code.name},{unit}{_END}" for code in QualityCode]
        lines = [
            f"{sensor_id},{time},{value!r}{ends[code]}"
            for time, value, code in zip(
                times_as_text(columns.times_us), columns.values, columns.qualities, strict=True
            )
        ]
        return (self._header() + "".join(lines)).encode()

    def end(self) -> bytes:
        return self._header().encode()

    def _header(self) -> str:
        header, self._begin = self._begin, ""
        return header


class CsvBuckets(TableWriter[BucketRows]):
    """A line a bucket, its times with the offset that is in force there; a cell is empty for no value."""

    def __init__(self, aggregates: Sequence[Aggregate]) -> None:
        self._aggregates = aggregates
        names = [one.value for one in aggregates]
        columns = ["sensor_id", "start", "end", *names, "expected", "actual", "coverage", "quality"]
        self._begin = ",".join([*columns, "settled", "unit"]) + _END

    def add(self, rows: BucketRows) -> bytes:
        unit = cell(rows.unit)
        lines = [
            ",".join(
                (
                    rows.sensor_id,
                    bucket.start.isoformat(),
                    bucket.end.isoformat(),
                    *(_number(bucket.aggregates[one]) for one in self._aggregates),
                    _number(bucket.expected),
                    _number(bucket.actual),
                    _number(bucket.coverage),
                    bucket.quality.value,
                    "true" if bucket.settled else "false",
                    unit,
                )
            )
            + _END
            for bucket in rows.buckets
        ]
        return (self._header() + "".join(lines)).encode()

    def end(self) -> bytes:
        return self._header().encode()

    def _header(self) -> str:
        header, self._begin = self._begin, ""
        return header


def times_as_text(times_us: Integers) -> list[str]:
    """Return the times, which come in order, as RFC 3339 has them: as ``datetime.isoformat``, but quicker."""
    texts: list[str] = []
    row = 0
    while row < len(times_us):
        day = times_us[row] // _DAY_US
        midnight = day * _DAY_US
        stop = bisect_left(times_us, midnight + _DAY_US, row)
        written = date.fromordinal(_EPOCH_DAY + day).isoformat()
        texts += [
            f"{written}{_MINUTES[(second := (time - midnight) // _SECOND_US) // 60]}{_SECONDS[second % 60]}"
            f"{_offset(time)}"
            for time in times_us[row:stop]
        ]
        row = stop
    return texts


def cell(text: str) -> str:
    """Return a unit as a cell.

    A unit of other than physical quantities is free text: control characters become spaces, and what a
    spreadsheet would compute gets an apostrophe before it. Sent back, readings in such a unit are refused.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    if _FORMULA.match(plain):
        plain = f"'{plain}"
    if _QUOTED.isdisjoint(plain):
        return plain
    doubled = plain.replace('"', '""')
    return f'"{doubled}"'


def _offset(time_us: int) -> str:
    fraction = time_us % _SECOND_US
    return f".{fraction:06}{_UTC}" if fraction else _UTC


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)
