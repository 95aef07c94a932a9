"""What an event brought as one flat table; the column ``part`` tells what a row is."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any, Final

from adapters.http_api.dr_baseline_answers import BaselineIntervalAnswer
from adapters.http_api.dr_performance_answers import (
    DevicePerformanceAnswer,
    PerformanceAnswer,
    PerformanceSumAnswer,
    ReboundAnswer,
)
from adapters.web.times import Instant

Row = dict[str, Any]

COLUMNS: Final = (
    "part",
    "event_id",
    "device_id",
    "date",
    "start",
    "end",
    "used",
    "baseline_kw",
    "unadjusted_kw",
    "actual_kw",
    "reduction_kw",
    "energy_kwh",
    "committed_kw",
    "performance",
    "rebound_kwh",
    "coverage",
    "status",
    "method",
    "adjustment",
    "raw",
    "applied",
    "code",
    "reason",
    "other_event_id",
)


def performance_csv(answer: PerformanceAnswer) -> str:
    """Return the table: all that the JSON shows, so that it can be worked out again from either."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for row in _rows(answer):
        cells = {name: _cell(value) for name, value in row.items()}
        writer.writerow({"event_id": str(answer.event_id), **cells})
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, Instant):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return value


def _rows(answer: PerformanceAnswer) -> Iterator[Row]:
    yield {
        "part": "event",
        "start": answer.window.start,
        "end": answer.window.end,
        "status": answer.status,
        "method": answer.method,
        "adjustment": answer.adjustment,
        "committed_kw": answer.committed_kw,
        "reduction_kw": answer.reduction_kw,
        "energy_kwh": answer.energy_kwh,
        "performance": answer.performance,
        "rebound_kwh": answer.rebound_kwh,
        "code": answer.insufficiency,
    }
    if answer.measured is not None:
        yield _measured(answer.measured)
    for missing in answer.missing:
        yield {
            "part": "missing",
            "device_id": missing.device_id,
            "status": missing.status,
            "code": missing.insufficiency,
        }
    for overlap in answer.overlaps:
        yield {
            "part": "overlap",
            "device_id": overlap.device_id,
            "start": overlap.start,
            "end": overlap.end,
            "other_event_id": str(overlap.event_id),
        }
    for device in answer.devices:
        for row in _device_rows(device):
            yield {"device_id": device.device_id, **row}
    for one in answer.intervals:
        yield {
            "part": "summed_interval",
            "start": one.start,
            "baseline_kw": one.baseline_kw,
            "unadjusted_kw": one.unadjusted_kw,
            "actual_kw": one.actual_kw,
            "reduction_kw": one.reduction_kw,
        }


def _measured(one: PerformanceSumAnswer) -> Row:
    return {
        "part": "measured",
        "committed_kw": one.committed_kw,
        "reduction_kw": one.reduction_kw,
        "energy_kwh": one.energy_kwh,
        "performance": one.performance,
        "rebound_kwh": one.rebound_kwh,
    }


def _device_rows(device: DevicePerformanceAnswer) -> Iterator[Row]:
    adjustment, rebound = device.adjustment, device.rebound
    yield {
        "part": "device",
        "date": device.date,
        "start": device.window.start,
        "end": device.window.end,
        "reduction_kw": device.reduction_kw,
        "energy_kwh": device.energy_kwh,
        "committed_kw": device.committed_kw,
        "performance": device.performance,
        "rebound_kwh": None if rebound is None else rebound.energy_kwh,
        "coverage": device.coverage,
        "status": device.status,
        "method": device.method,
        "adjustment": adjustment.kind,
        "raw": adjustment.raw,
        "applied": adjustment.applied,
        "code": device.insufficiency or adjustment.reason,
    }
    yield from _intervals("interval", device.intervals)
    for excluded in device.days_excluded:
        yield {
            "part": "excluded_day",
            "date": excluded.date,
            "code": excluded.code,
            "reason": excluded.reason,
        }
    window = [one.start for one in device.intervals]
    before = [one.start for one in adjustment.intervals]
    for day in device.eligible_days:
        shown = {"date": day.date, "used": day.used}
        yield {"part": "eligible_day", **shown, "energy_kwh": day.energy_kwh}
        yield from _loads({"part": "eligible_load", **shown}, window, day.window_kw)
        yield from _loads({"part": "eligible_load_before", **shown}, before, day.adjustment_kw)
    for one in adjustment.intervals:
        yield {
            "part": "before",
            "start": one.start,
            "unadjusted_kw": one.baseline_kw,
            "actual_kw": one.actual_kw,
        }
    if rebound is not None:
        yield from _recovery(rebound)


def _recovery(rebound: ReboundAnswer) -> Iterator[Row]:
    yield {
        "part": "rebound",
        "start": rebound.period.start,
        "end": rebound.period.end,
        "rebound_kwh": rebound.energy_kwh,
        "coverage": rebound.coverage,
        "status": rebound.status,
    }
    yield from _intervals("recovery_interval", rebound.intervals)
    starts = [one.start for one in rebound.intervals]
    for day in rebound.days:
        yield from _loads(
            {"part": "eligible_load_after", "date": day.date, "used": True}, starts, day.recovery_kw
        )
    for left_out in rebound.days_left_out:
        yield {"part": "eligible_load_after", "date": left_out, "used": False}


def _intervals(part: str, intervals: Sequence[BaselineIntervalAnswer]) -> Iterator[Row]:
    for one in intervals:
        yield {
            "part": part,
            "start": one.start,
            "baseline_kw": one.baseline_kw,
            "unadjusted_kw": one.unadjusted_kw,
            "actual_kw": one.actual_kw,
            "reduction_kw": one.reduction_kw,
            "coverage": one.coverage,
        }


def _loads(shown: Row, starts: Sequence[Instant], loads: Sequence[float | None]) -> Iterator[Row]:
    """Yield the loads of a day, each beside the start of the interval that it is compared with."""
    for start, kw in zip(starts, loads, strict=False):
        yield {**shown, "start": start, "actual_kw": kw}
