"""Flexibility: how many kW a device can shed now and in the coming hours, and what that rests on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import floor
from typing import Final

from domain.demand_response.devices import DeviceTerms
from domain.demand_response.limits import SERVES_ANOTHER, Situation, limits_now, standing_limits
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
    """How many kW can be shed on top of what is shed already; 0 where one of the ``limits`` binds.

    Of a device that serves an event ``limits`` tell that, which leaves the number as it is. ``free_kw`` is
    what it could shed if it served none; 0 where another limit binds.
    """

    device_id: DeviceId
    now_kw: float
    free_kw: float
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
    binding = limits_now(situation, now, zone)
    so_far = situation.delivered
    return Flexibility(
        device_id=situation.device.device_id,
        now_kw=now_kw(situation, now, zone),
        free_kw=0.0 if binding else free_kw(situation),
        limits=(*binding, *_occupied(situation)),
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


def now_kw(situation: Situation, now: datetime, zone: SiteZone) -> float:
    """Return what can be shed now on top of what is shed already, in kW; 0 where a limit binds."""
    if limits_now(situation, now, zone):
        return 0.0
    serving, reading, terms = situation.serving, situation.reading, situation.device.terms
    power = None if reading is None else reading.power_kw
    if power is None:
        return 0.0
    before = None if serving is None else serving.power_before_kw
    return shed_from(power, terms, 0.0 if before is None else max(before - power, 0.0))


def free_kw(situation: Situation) -> float:
    """Return what could be shed if the device served nothing and nothing stood against it, in kW.

    A device that sheds already is counted by what it drew before, since all of it can be asked of it anew.
    """
    power = situation.unshed_kw
    return 0.0 if power is None else shed_from(power, situation.device.terms)


def shed_from(power_kw: float, terms: DeviceTerms, already_kw: float = 0.0) -> float:
    """Return what a device that draws so much can shed: down to its least power, by its most reduction.

    What it sheds ``already`` counts towards that most.
    """
    down = max(power_kw - terms.min_power_kw, 0.0)
    most = terms.max_reduction_kw
    return down if most is None else min(down, max(most - already_kw, 0.0))


def expected_kw(flexible: Flexibility, asked: TimeRange, now: datetime) -> float | None:
    """Return what can be promised for a time: the least of its hours; None where that cannot be told.

    What begins within the hour is judged by the load of now.
    """
    if asked.start < now + HOUR:
        return flexible.free_kw
    hours = [one for one in flexible.hours if one.start < asked.end and one.start + HOUR > asked.start]
    known = [one.kw for one in hours if one.kw is not None]
    whole = hours and len(known) == len(hours) and hours[-1].start + HOUR >= asked.end
    return min(known) if whole else None


def _occupied(situation: Situation) -> Iterator[Fault]:
    """Yield which event has the device: what is left of it, only one that comes first gets."""
    event, until = situation.served, situation.serves_until
    if event is not None and until is not None:
        detail = f"it serves {event.terms.event_name!r} until {until:%Y-%m-%dT%H:%M:%SZ}"
        yield Fault(SERVES_ANOTHER, f"{detail}: more only for an event of a higher priority")


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
