"""Readings as clients send them, in four shapes, as columns.

The quick way decodes and converts whole columns; where anything in them is odd, the same body is read
again row by row, so that one bad reading costs only itself.
"""

import codecs
import csv
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from adapters.web.problem_details import RequestError
from adapters.web.request import check_nesting, decode_json
from adapters.web.times import parse_time
from domain.sensors.model import QualityCode, Rejected
from domain.sensors.services.checking import Submission
from domain.sensors.services.refusals import refused
from domain.shared.errors import InvalidError, Problem, TooLargeError
from domain.shared.time import EPOCH, MICROSECOND, to_microseconds

MAX_READINGS: Final = 50_000
_SHAPES: Final = (
    'send {"readings":[{"sensor_id","time","value"}]}, {"sensor_id","times","values"}, '
    "text/csv with the header sensor_id,time,value, or application/x-ndjson"
)
_CSV_COLUMNS: Final = ("sensor_id", "time", "value", "unit", "quality")


class SentQuality(StrEnum):
    """What a sender may say of a reading."""

    OK = "OK"
    ESTIMATED = "ESTIMATED"
    BAD = "BAD"


_QUALITY_CODES: Final[dict[str | None, QualityCode]] = {word: QualityCode[word.name] for word in SentQuality}


class SentReading(msgspec.Struct, gc=False):
    """One reading."""

    sensor_id: str
    time: datetime
    value: float
    unit: str | None = None
    quality: SentQuality | None = None


class SentReadings(msgspec.Struct):
    """A body in either of the two JSON shapes, well formed throughout."""

    readings: list[SentReading] | None = None
    sensor_id: str | None = None
    times: list[datetime] | None = None
    values: list[float] | None = None
    unit: str | None = None
    quality: SentQuality | None = None


_QUICK: Final = msgspec.json.Decoder(SentReadings)
# A number that is too big becomes an infinite one, which is refused alone: it is no fault of the JSON.
_ANYTHING: Final = msgspec.json.Decoder(Any, float_hook=float)


def submission(body: bytes, content_type: str) -> Submission | None:
    """Return the readings of a body, None where its content type is none of the four.

    Raises:
        RequestError: 400, where it is no JSON.
        InvalidError: ``unreadable``, where there is nothing in it that could be read.
        TooLargeError: ``too_many_readings``.

    """
    if content_type in {"application/json", ""}:
        return _from_json(body)
    if content_type == "text/csv":
        return _from_rows(_csv_rows(body))
    if content_type in {"application/x-ndjson", "application/jsonl", "application/ndjson"}:
        return _from_rows(_ndjson_rows(body))
    return None


def _from_json(body: bytes) -> Submission:
    check_nesting(body)
    try:
        sent = _QUICK.decode(body)
        if sent.readings is not None:
            return _from_readings(sent.readings)
        if sent.sensor_id is not None and sent.times is not None and sent.values is not None:
            return _from_columns(sent, sent.sensor_id, sent.times, sent.values)
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError):
        pass  # something is odd: the second reading says what
    return _from_rows(_json_rows(decode_json(body, _ANYTHING)))


def _check_count(count: int) -> None:
    if count > MAX_READINGS:
        raise TooLargeError("too_many_readings", f"one call takes {MAX_READINGS:,} readings, not {count:,}")


def _microseconds(times: Iterable[datetime]) -> Sequence[int]:
    """Return µs since the epoch; raise TypeError where a time has no offset."""
    return [(time - EPOCH) // MICROSECOND for time in times]


def _from_readings(readings: list[SentReading]) -> Submission:
    _check_count(len(readings))
    count = len(readings)
    units = [one.unit for one in readings]
    qualities = [one.quality for one in readings]
    return Submission(
        sensor_ids=[one.sensor_id for one in readings],
        times_us=_microseconds([one.time for one in readings]),
        values=[one.value for one in readings],
        units=None if units.count(None) == count else units,
        qualities=None if qualities.count(None) == count else list(map(_QUALITY_CODES.get, qualities)),
    )


def _from_columns(
    sent: SentReadings, sensor_id: str, times: list[datetime], values: list[float]
) -> Submission:
    _check_count(len(times))
    if len(times) != len(values):
        raise _unequal(len(times), len(values))
    return Submission(
        sensor_ids=[sensor_id] * len(times),
        times_us=_microseconds(times),
        values=values,
        units=None if sent.unit is None else [sent.unit] * len(times),
        qualities=None if sent.quality is None else [_QUALITY_CODES[sent.quality]] * len(times),
    )


def _unequal(times: int, values: int) -> InvalidError:
    problem = Problem("/values", "unequal_columns", f"there are {times:,} times and {values:,} values")
    return InvalidError(problem.code, problem.detail, [problem])


def _unreadable(detail: str = _SHAPES, pointer: str = "") -> InvalidError:
    return InvalidError(
        "unreadable", "there are no readings in this body", [Problem(pointer, "unreadable", detail)]
    )


def _json_rows(sent: object) -> Iterator[object]:
    if not isinstance(sent, dict):
        raise _unreadable()
    if "readings" in sent:
        if not isinstance(sent["readings"], list):
            raise _unreadable("readings is a list", "/readings")
        _check_count(len(sent["readings"]))
        yield from sent["readings"]
        return
    times, values = sent.get("times"), sent.get("values")
    if not isinstance(times, list) or not isinstance(values, list) or "sensor_id" not in sent:
        raise _unreadable()
    if len(times) != len(values):
        raise _unequal(len(times), len(values))
    _check_count(len(times))
    rest = {name: sent[name] for name in ("sensor_id", "unit", "quality") if name in sent}
    for time, value in zip(times, values, strict=True):
        yield {**rest, "time": time, "value": value}


def _csv_rows(body: bytes) -> Iterator[object]:
    lines = iter(body.removeprefix(codecs.BOM_UTF8).splitlines())
    try:
        header = [name.strip() for name in _csv_line(next(lines, b""))]
    except InvalidError as error:
        raise _unreadable(f"the first line: {error.detail}") from error
    if not {"sensor_id", "time", "value"} <= set(header) <= set(_CSV_COLUMNS):
        raise _unreadable(f"the first line names the columns: {','.join(_CSV_COLUMNS[:3])}")
    for line in lines:
        if line.strip():
            try:
                cells = [cell.strip() or None for cell in _csv_line(line)]
            except InvalidError as error:
                yield error
            else:
                yield dict(zip(header, cells, strict=False))


def _csv_line(line: bytes) -> list[str]:
    """Return the cells of a line; each is read on its own, so that a stray quote costs no other line."""
    try:
        return next(csv.reader([line.decode()], strict=True), [])
    except UnicodeDecodeError as error:
        raise InvalidError("not_csv", "this line is not UTF-8") from error
    except csv.Error as error:
        raise InvalidError("not_csv", f"this line is no CSV: {error}") from error


def _ndjson_rows(body: bytes) -> Iterator[object]:
    for line in body.splitlines():
        if line.strip():
            try:
                yield decode_json(line, _ANYTHING)
            except RequestError as error:
                yield InvalidError("not_json", error.detail)


def _from_rows(rows: Iterable[object]) -> Submission:
    """Read row by row; what cannot be read is kept apart with its place."""
    sensor_ids: list[str] = []
    times_us, values = array("q"), array("d")
    units: list[str | None] = []
    qualities: list[QualityCode | None] = []
    indexes: list[int] = []
    unreadable: list[Rejected] = []
    for index, row in enumerate(rows):
        if index >= MAX_READINGS:
            _check_count(index + 1)
        try:
            time_us, value, unit, quality = _row(row)
        except ValueError as error:
            unreadable.append(_rejected(index, row, *str(error).split(": ", 1)))
            continue
        sensor_ids.append(row["sensor_id"])  # type: ignore[index]  # _row has looked
        times_us.append(time_us)
        values.append(value)
        units.append(unit)
        qualities.append(quality)
        indexes.append(index)
    return Submission(
        sensor_ids=sensor_ids,
        times_us=times_us,
        values=values,
        units=units if any(one is not None for one in units) else None,
        qualities=qualities if any(one is not None for one in qualities) else None,
        indexes=indexes,
        unreadable=unreadable,
    )


def _row(row: object) -> tuple[int, float, str | None, QualityCode | None]:
    """Return time, value, unit and quality; raise ``ValueError("<code>: <detail>")``."""
    if isinstance(row, InvalidError):
        raise ValueError(f"{row.code}: {row.detail}")  # noqa: TRY004 - one kind of error for all
    if not isinstance(row, dict):
        raise ValueError("wrong_type: a reading is an object")  # noqa: TRY004 - one kind of error for all
    sensor_id = row.get("sensor_id")
    if not isinstance(sensor_id, str) or not sensor_id:
        raise ValueError("unknown_sensor: sensor_id is missing, or no text")
    value = _number(row.get("value"))
    time = row.get("time")
    if time is None:
        raise ValueError("invalid_timestamp: time is missing")
    time_us = to_microseconds(parse_time(time))
    unit = row.get("unit")
    if unit is not None and not isinstance(unit, str):
        raise ValueError("unit_mismatch: unit is a text")
    quality = row.get("quality")
    if quality is None:
        return time_us, value, unit, None
    try:
        return time_us, value, unit, _QUALITY_CODES[SentQuality(quality)]
    except ValueError as error:
        raise ValueError(f"invalid_quality: quality is one of {', '.join(SentQuality)}") from error


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not_a_number: value is not a number")  # noqa: TRY004 - one kind of error for all
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("not_a_number: value is not a finite number")
    return number


def _rejected(index: int, row: object, code: str, detail: str) -> Rejected:
    fields = row if isinstance(row, dict) else {}
    unit = fields.get("unit")
    return refused(
        index,
        str(fields.get("sensor_id", "")),
        code,
        detail,
        time=str(fields.get("time", "")),
        value=str(fields.get("value", "")),
        unit=unit if isinstance(unit, str) else None,
    )
