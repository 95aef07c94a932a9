"""Performance reports: what an event brought, with all that it was worked out from, and as they are kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.assignments import Assignment
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.dr_events import DrEvent, DrEventStatus
from domain.demand_response.model import NO_TIME, DeviceId, DrEventId
from domain.demand_response.performance import DevicePerformance, EventPerformance
from domain.shared.time import EPOCH, TimeRange

_A_MINUTE: Final = timedelta(minutes=1)
_HANDOVER: Final = timedelta(seconds=1)
"""From one event into the next a device may go some moments late: that is no overlap."""


class Unmeasured(StrEnum):
    """Why there is nothing of an event that could be measured, nor ever will be.

    It holds no whole minute, it was cancelled before its start, or it is over and no device was told.
    """

    TOO_SHORT = "too_short"
    CANCELLED = "cancelled"
    NOT_DISPATCHED = "not_dispatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A time within an event in which a device of it served another one: the reports of both count it."""

    device_id: DeviceId
    event_id: DrEventId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """What the devices of an event brought.

    ``window`` is what was measured, in whole minutes: of an event that was cancelled, up to then. One of
    which there is nothing to measure has its own times, no devices, and ``unmeasured`` tells why.
    ``settled``: no more data are expected, so that the report is kept.
    """

    event_id: DrEventId
    event_name: str
    window: TimeRange
    recovery_period: timedelta
    method: BaselineMethod
    adjustment: AdjustmentKind
    settled: bool
    performance: EventPerformance
    unmeasured: Unmeasured | None = None
    overlaps: tuple[Overlap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A version of the report of an event; none is ever changed.

    ``content`` is the `EventReport` as JSON text in UTF-8. ``fingerprint`` is the same where nothing that
    was put in differs, so that a correction shows. Powers are in kW, energy in kWh; None where there is no
    number.
    """

    event_id: DrEventId
    version: int
    made_at: datetime
    fingerprint: str
    status: str
    reduction_kw: float | None
    energy_kwh: float | None
    content: str


def lasted(event: DrEvent) -> TimeRange:
    """Return the time of an event; of one that was cancelled while it ran, up to then."""
    terms = event.terms
    if event.status is DrEventStatus.CANCELLED and terms.start < event.history[-1].at < terms.end:
        return TimeRange(terms.start, event.history[-1].at)
    return TimeRange(terms.start, terms.end)


def measured_window(event: DrEvent) -> TimeRange | None:
    """Return the time in which an event is measured: the whole minutes of it, None where it has none."""
    times = lasted(event)
    first, last = _rounded(times.start, up=True), _rounded(times.end, up=False)
    return TimeRange(first, last) if first < last else None


def unmeasured(event: DrEvent, *, took_part: bool) -> Unmeasured | None:
    """Return why an event cannot be measured; None where it can be, also only later.

    ``took_part``: some device was told.
    """
    if event.status is DrEventStatus.CANCELLED and event.history[-1].at <= event.terms.start:
        return Unmeasured.CANCELLED
    if event.status.is_over and not took_part:
        return Unmeasured.NOT_DISPATCHED
    return Unmeasured.TOO_SHORT if measured_window(event) is None else None


def _rounded(moment: datetime, *, up: bool) -> datetime:
    over = (moment - EPOCH) % _A_MINUTE
    return moment - over + (_A_MINUTE if up and over else NO_TIME)


def overlaps_of(
    event: DrEvent, assigned: Mapping[DeviceId, Sequence[Assignment]], now: datetime
) -> tuple[Overlap, ...]:
    """Return when devices served other events within the time of this one, by device and time."""
    times = lasted(event)
    found = []
    for device_id, ones in sorted(assigned.items()):
        for one in ones:
            start, end = max(one.began_at, times.start), min(one.ended_at or now, times.end)
            if one.took_part and one.event_id != event.event_id and end - start >= _HANDOVER:
                found.append(Overlap(device_id=device_id, event_id=one.event_id, start=start, end=end))
    return tuple(found)


def fingerprint(report: EventReport) -> str:
    """Return the same for the same metered loads, commitments, days and overlaps: what is put into it."""
    lines = [line for device in report.performance.devices for line in _inputs(device)]
    lines += [f"{one.device_id} {one.event_id} {one.start} {one.end}" for one in report.overlaps]
    return sha256("\n".join(lines).encode()).hexdigest()


def _inputs(device: DevicePerformance) -> Iterator[str]:
    baseline = device.baseline
    yield f"{device.device_id} {device.committed_kw!r} {baseline.method.value} {baseline.window}"
    yield f"{[one.actual_kw for one in baseline.intervals]!r} {baseline.adjustment.kind.value}"
    yield repr([one.actual_kw for one in baseline.adjustment.intervals])
    for day in baseline.eligible_days:
        yield f"{day.day} {day.window_kw!r} {day.adjustment_kw!r}"
    yield repr([(str(one.day), one.code.value) for one in baseline.days_excluded])
    if device.rebound is not None:
        yield repr([one.actual_kw for one in device.rebound.intervals])
