"""From readings as they were sent to a batch that can be stored, and what was refused.

This is on the path of every reading: columns are looked at as a whole, and row by row only where
something in them is wrong.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter, lt
from typing import Final

from domain.sensors.model import QualityCode, ReadingBatch, Rejected, Sensor, SensorRun, Source
from domain.sensors.ports import UnitCatalog
from domain.shared.columns import Integers
from domain.shared.errors import InvalidError
from domain.shared.quantities import UnitConversion
from domain.shared.time import from_microseconds, to_microseconds

MAX_AHEAD: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Readings as they were sent, as columns of equal length, in the order of the request.

    ``times_us`` are µs since the epoch; ``values`` are in ``units`` where given, else in the unit of the
    sensor; ``indexes`` are the places in the request, where some rows could not be read at all.
    """

    sensor_ids: Sequence[str]
    times_us: Sequence[int]
    values: Sequence[float]
    units: Sequence[str | None] | None = None
    qualities: Sequence[QualityCode | None] | None = None
    indexes: Sequence[int] | None = None
    unreadable: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch that can be stored, what was refused, and how many rows only said the same twice."""

    batch: ReadingBatch
    rejected: list[Rejected]
    repeated: int


@dataclass(slots=True)
class _Column:
    """The accepted rows of one sensor."""

    sensor: Sensor
    times: Sequence[int]
    values: Sequence[float]
    qualities: Integers


@dataclass(slots=True)
class Checking:
    """One check of one submission."""

    submission: Submission
    sensors: Mapping[str, Sensor]
    units: UnitCatalog
    now: datetime
    rejected: list[Rejected] = field(default_factory=list)
    repeated: int = 0

    def run(self, source: Source) -> Checked:
        """Return the batch and what was refused."""
        self.rejected.extend(self.submission.unreadable)
        limit = to_microseconds(self.now + MAX_AHEAD)
        columns: list[_Column] = []
        for one, rows in _rows_by_sensor(self.submission.sensor_ids).items():
            sensor = self.sensors.get(one)
            if sensor is None:
                for row in rows:
                    self._reject(row, "unknown_sensor", f"there is no sensor {one!r}")
                continue
            column = self._column(sensor, rows, limit)
            if column is not None:
                columns.append(column)
        columns.sort(key=lambda column: column.sensor.key)
        return Checked(_batch(columns, source), self.rejected, self.repeated)

    def _column(self, sensor: Sensor, rows: Sequence[int], limit: int) -> _Column | None:
        sent = self.submission
        if len(rows) == len(sent.times_us):
            times: Sequence[int] = sent.times_us
            values: Sequence[float] = sent.values
        else:
            times = [sent.times_us[row] for row in rows]
            values = [sent.values[row] for row in rows]
        if sent.units is not None:
            rows, times, values = self._in_canonical_unit(sensor, rows, times)
        elif not sensor.conversion.is_identity:
            factor, offset = sensor.conversion.factor, sensor.conversion.offset
            values = [factor * value + offset for value in values]
        if not rows:
            return None
        # A sum is finite only if every summand is; one that overflows is looked at row by row.
        if min(times) < 0 or max(times) > limit or not math.isfinite(sum(values)):
            rows, times, values = self._acceptable(rows, times, values, limit)
            if not rows:
                return None
        if not all(map(lt, times, islice(times, 1, None))):
            rows, times, values = self._in_order(rows, times, values)
        return _Column(sensor, times, values, self._qualities(sensor, rows, values))

    def _in_canonical_unit(
        self, sensor: Sensor, rows: Sequence[int], times: Sequence[int]
    ) -> tuple[list[int], list[int], list[float]]:
        units = self.submission.units or ()
        conversions: dict[str, UnitConversion | InvalidError] = {}
        kept: list[int] = []
        kept_times: list[int] = []
        values: list[float] = []
        for row, time in zip(rows, times, strict=True):
            unit = units[row]
            conversion: UnitConversion | InvalidError = sensor.conversion
            if unit is not None and unit != sensor.definition.unit:
                if unit not in conversions:
                    try:
                        conversions[unit] = self.units.conversion(unit, sensor.definition.quantity)
                    except InvalidError as error:
                        conversions[unit] = error
                conversion = conversions[unit]
            if isinstance(conversion, InvalidError):
                self._reject(row, conversion.code, conversion.detail)
                continue
            kept.append(row)
            kept_times.append(time)
            values.append(conversion.to_canonical(self.submission.values[row]))
        return kept, kept_times, values

    def _acceptable(
        self, rows: Sequence[int], times: Sequence[int], values: Sequence[float], limit: int
    ) -> tuple[list[int], list[int], list[float]]:
        kept: list[tuple[int, int, float]] = []
        for row, time, value in zip(rows, times, values, strict=True):
            if time < 0:
                self._reject(row, "too_old", "the time lies before 1970")
            elif time > limit:
                self._reject(row, "in_future", "the time lies over 5 minutes ahead of the server's clock")
            elif not math.isfinite(value):
                self._reject(row, "not_a_number", "the value is not a finite number")
            else:
                kept.append((row, time, value))
        return _unzipped(kept)

    def _in_order(
        self, rows: Sequence[int], times: Sequence[int], values: Sequence[float]
    ) -> tuple[list[int], list[int], list[float]]:
        kept: list[tuple[int, int, float]] = []
        for row, time, value in sorted(zip(rows, times, values, strict=True), key=itemgetter(1, 0)):
            if kept and kept[-1][1] == time:
                if kept[-1][2] == value:
                    self.repeated += 1
                else:
                    self._reject(
                        kept[-1][0],
                        "duplicate_in_batch",
                        "a later row has this sensor and time: that one stands",
                    )
                kept.pop()
            kept.append((row, time, value))
        return _unzipped(kept)

    def _qualities(self, sensor: Sensor, rows: Sequence[int], values: Sequence[float]) -> Integers:
        qualities = array("b", bytes(len(values)))
        given = self.submission.qualities
        if given is not None:
            for position, row in enumerate(rows):
                qualities[position] = given[row] or QualityCode.OK
        bounds = (sensor.definition.min_value, sensor.definition.max_value)
        lowest, highest = (
            None if bound is None else sensor.conversion.to_canonical(bound) for bound in bounds
        )
        if (lowest is not None and min(values) < lowest) or (highest is not None and max(values) > highest):
            for position, value in enumerate(values):
                if (lowest is not None and value < lowest) or (highest is not None and value > highest):
                    qualities[position] = QualityCode.BAD
        return qualities

    def _reject(self, row: int, code: str, detail: str) -> None:
        sent = self.submission
        self.rejected.append(
            Rejected(
                index=row if sent.indexes is None else sent.indexes[row],
                sensor_id=sent.sensor_ids[row],
                code=code,
                detail=detail,
                time=from_microseconds(sent.times_us[row]).isoformat(),
                value=repr(sent.values[row]),
                unit=None if sent.units is None else sent.units[row],
            )
        )


def _rows_by_sensor(sensor_ids: Sequence[str]) -> dict[str, Sequence[int]]:
    if not sensor_ids:
        return {}
    first = sensor_ids[0]
    if sensor_ids.count(first) == len(sensor_ids):
        return {first: range(len(sensor_ids))}
    rows: dict[str, list[int]] = {}
    for row, one in enumerate(sensor_ids):
        if one in rows:
            rows[one].append(row)
        else:
            rows[one] = [row]
    return dict(rows)


def _unzipped(rows: list[tuple[int, int, float]]) -> tuple[list[int], list[int], list[float]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _batch(columns: list[_Column], source: Source) -> ReadingBatch:
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    for column in columns:
        start = len(times_us)
        times_us.extend(column.times)
        values.extend(column.values)
        qualities.extend(column.qualities)
        runs.append(SensorRun(column.sensor.key, column.sensor.version, source, start, len(times_us)))
    return ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities)
