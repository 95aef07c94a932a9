"""Flexibility: how many kW a device can shed now and in the coming hours, and what that rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import floor
from typing import Final

from domain.demand_response.devices import DeviceTerms
from domain.demand_response.limits import Situation, limits_now, standing_limits
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId, Fault, SiteZone
from domain.shared.time import TimeRange

HOURS_AHEAD: Final = 24
DAYS_BACK: Final = 28
"""The same hours of so many days before say what is usual."""

HOUR: Final = timedelta(hours=1)
_FEWEST: Final = 3
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Usual:
    """Percentiles of the mean power (kW) in the same hours before."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class HourFlexibility:
    """What can be shed in the hour that begins then; None where nothing is known of such hours."""

    start: datetime
    kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What flexibility rests on: the load now, what it usually is at this hour, and what it has kept so far.

    ``delivered_ratio`` is what the device delivered by what it had committed, over its reported events.
    """

    power_kw: float | None
    age: timedelta | None
    usual: Usual | None
    delivered_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flexibility:
    """How many kW can be shed; 0 where one of the ``limits`` binds."""

    device_id: DeviceId
    now_kw: float
    limits: tuple[Fault, ...]
    hours: tuple[HourFlexibility, ...]
    evidence: Evidence


def flexibility(
    situation: Situation, history: Sequence[LoadInterval], now: datetime, zone: SiteZone
) -> Flexibility:
    """Return what a device can shed now and in each of the next 24 hours.

    ``history`` are means of whole hours (UTC) of the days before. An hour is compared with those of the same
    clock time on days of the same kind: weekdays, or Saturdays and Sundays.
    """
    past = _by_clock(history, zone)
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    terms = situation.device.terms
    hours = []
    for number in range(1, HOURS_AHEAD + 1):
        start = this_hour + number * HOUR
        usual = _usual(past.get(_clock(start, zone), ()))
        kw = None if usual is None else shed_from(usual.p50, terms)
        if any(standing_limits(situation, TimeRange(start, start + HOUR), zone)):
            kw = 0.0
        hours.append(HourFlexibility(start, kw))
    reading = situation.reading
    limits = limits_now(situation, now, zone)
    so_far = situation.delivered
    return Flexibility(
        device_id=situation.device.device_id,
        now_kw=0.0 if limits else free_kw(situation),
        limits=limits,
        hours=tuple(hours),
        evidence=Evidence(
            power_kw=None if reading is None else reading.power_kw,
            age=None if reading is None else reading.age(now),
            usual=_usual(past.get(_clock(this_hour, zone), ())),
            delivered_ratio=so_far.delivered_kw / so_far.committed_kw
            if so_far is not None and so_far.committed_kw > 0
            else None,
        ),
    )


def free_kw(situation: Situation) -> float:
    """Return what could be shed if the device served nothing and nothing stood against it, in kW.

    A device that sheds already is counted by what it drew before, since all of it can be asked of it anew.
    """
    power = situation.unshed_kw
    return 0.0 if power is None else shed_from(power, situation.device.terms)


def shed_from(power_kw: float, terms: DeviceTerms) -> float:
    """Return what a device that draws so much can shed: down to its least power, by its most reduction."""
    down = max(power_kw - terms.min_power_kw, 0.0)
    return down if terms.max_reduction_kw is None else min(down, terms.max_reduction_kw)


def expected_kw(flexible: Flexibility, asked: TimeRange, now: datetime) -> float | None:
    """Return what can be promised for a time: the least of its hours; None where that cannot be told.

    What begins within the hour is judged by the load of now.
    """
    if asked.start < now + HOUR:
        return flexible.now_kw
    hours = [one for one in flexible.hours if one.start < asked.end and one.start + HOUR > asked.start]
    known = [one.kw for one in hours if one.kw is not None]
    whole = hours and len(known) == len(hours) and hours[-1].start + HOUR >= asked.end
    return min(known) if whole else None


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of values in rising order, linear between its neighbours (Hyndman and Fan, 7)."""
    place = (len(values) - 1) * share
    low = floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _usual(values: Sequence[float]) -> Usual | None:
    if len(values) < _FEWEST:
        return None
    rising = sorted(values)
    return Usual(percentile(rising, 0.1), percentile(rising, 0.5), percentile(rising, 0.9))


def _clock(start: datetime, zone: SiteZone) -> tuple[bool, time]:
    local = start.astimezone(zone)
    return local.weekday() >= _SATURDAY, local.time()


def _by_clock(history: Sequence[LoadInterval], zone: SiteZone) -> dict[tuple[bool, time], list[float]]:
    found: dict[tuple[bool, time], list[float]] = {}
    for interval in history:
        if interval.is_evidence and interval.mean_kw is not None:
            found.setdefault(_clock(interval.start, zone), []).append(interval.mean_kw)
    return found
