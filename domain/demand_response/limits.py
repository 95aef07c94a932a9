"""What stands against a device shedding load: at a time that is asked about, and at this moment."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.demand_response.assignments import Assignment, DeliveredSoFar
from domain.demand_response.conditions import Connection, MeterReading, RoomComfort
from domain.demand_response.devices import Device, DeviceTerms
from domain.demand_response.dr_events import DrEvent
from domain.demand_response.model import DrEventId, Fault, SiteZone
from domain.demand_response.released import Released
from domain.demand_response.week_windows import covered, local_day
from domain.shared.time import TimeRange

STALE: Final = "stale"
OFFLINE: Final = "offline"
NOT_CONTROLLABLE: Final = "not_controllable"
OUTSIDE_AVAILABILITY: Final = "outside_availability"
REST: Final = "rest"
DAILY_COUNT: Final = "daily_count"
COMFORT: Final = "comfort"
SERVES_ANOTHER: Final = "serves_another"

UNMEASURED: Final = frozenset({STALE, OFFLINE})
"""Of these nothing is known but that the load is not: where no kW are asked for, they stop nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A device, and all that is known of it now.

    ``recent`` are its assignments of the last days, those that go on included. ``serving`` is among them,
    ``served`` is the event of that one; None too where nobody has looked. ``released`` is how far it has
    come back from the last one; None where it serves.
    """

    device: Device
    reading: MeterReading | None = None
    connection: Connection | None = None
    room: RoomComfort | None = None
    recent: Sequence[Assignment] = ()
    served: DrEvent | None = None
    delivered: DeliveredSoFar | None = None
    released: Released | None = None

    @property
    def serving(self) -> Assignment | None:
        """What it serves now."""
        return next((one for one in self.recent if one.is_serving), None)

    def serves(self, event_id: DrEventId) -> Assignment | None:
        """Return what it serves now where that is this event."""
        serving = self.serving
        return serving if serving is not None and serving.event_id == event_id else None

    @property
    def unshed_kw(self) -> float | None:
        """What it would draw if it shed nothing: its newest metered power, unless it shed at that time.

        Then it is what it drew before it shed.
        """
        serving, reading = self.serving, self.reading
        if serving is not None and serving.power_before_kw is not None:
            return serving.power_before_kw
        if self.released is not None and self.released.is_shown_by(reading):
            return self.released.power_before_kw
        return None if reading is None else reading.power_kw

    @property
    def serves_until(self) -> datetime | None:
        """When it will be released, as far as can be told."""
        serving, event = self.serving, self.served
        if serving is None or event is None:
            return None
        return event.terms.end if serving.until is None else min(serving.until, event.terms.end)


def standing_limits(
    situation: Situation,
    asked: TimeRange,
    zone: SiteZone,
    *,
    event_id: DrEventId | None = None,
    opted_in: Collection[DrEventId] = (),
) -> Iterator[Fault]:
    """Yield what stands against shedding in a time, as far as can be told of it before.

    ``event_id`` is the event that asks, ``opted_in`` are those of that local day to which the device has
    opted in already.
    """
    terms = situation.device.terms
    if not terms.controllable:
        yield Fault(NOT_CONTROLLABLE, "it is not to be controlled")
    if not covered(_at_once(terms, asked), terms.availability, zone):
        yield Fault(OUTSIDE_AVAILABILITY, "its hours do not hold all of that time")
    rested = _rested_at(situation, asked.start)
    if rested is not None and asked.start < rested:
        yield Fault(REST, f"it rests for {terms.min_rest}, until {rested:%Y-%m-%dT%H:%M:%SZ}")
    if terms.max_events_per_day is not None:
        others = len((_events_of_the_day(situation, asked.start, zone) | set(opted_in)) - {event_id})
        if others >= terms.max_events_per_day:
            yield Fault(DAILY_COUNT, f"it has {others} of at most {terms.max_events_per_day} events that day")


def momentary_limits(situation: Situation, now: datetime) -> Iterator[Fault]:
    """Yield what stands against shedding at this moment, and may be otherwise in the next."""
    if situation.connection is not None and not situation.connection.online:
        yield Fault(OFFLINE, "it does not answer")
    reading = situation.reading
    if situation.device.terms.power_sensor_id is None:
        yield Fault(STALE, "it has no power sensor")
    elif reading is None or reading.time is None:
        yield Fault(STALE, "its power sensor has no reading")
    elif not reading.is_fresh(now):
        yield Fault(STALE, f"its power was last read {_age(reading, now)} s ago")
    if situation.room is not None and situation.room.comfortable is False:
        yield Fault(COMFORT, f"its room is out of its comfort band: {situation.room.detail}")


def limits_now(
    situation: Situation, now: datetime, zone: SiteZone, event_id: DrEventId | None = None
) -> tuple[Fault, ...]:
    """Return all that stands against shedding now."""
    moment = TimeRange(now, now)
    return (
        *standing_limits(situation, moment, zone, event_id=event_id),
        *momentary_limits(situation, now),
    )


def _at_once(terms: DeviceTerms, asked: TimeRange) -> TimeRange:
    """Return the part of the time that the device can serve without a pause."""
    if terms.max_duration is None:
        return asked
    return TimeRange(asked.start, min(asked.end, asked.start + terms.max_duration))


def _rested_at(situation: Situation, start: datetime) -> datetime | None:
    """Return when it has rested from what it served last before a start; None where it need not rest.

    While it serves it does not rest: another event may take it over.
    """
    rest = situation.device.terms.min_rest
    if not rest:
        return None
    if situation.serving is not None:
        until = situation.serves_until
        return None if until is None or start < until else until + rest
    ended = [one.ended_at for one in situation.recent if one.took_part and one.ended_at is not None]
    return max(ended) + rest if ended else None


def _events_of_the_day(situation: Situation, moment: datetime, zone: SiteZone) -> set[DrEventId]:
    day = local_day(moment, zone)
    return {one.event_id for one in situation.recent if one.took_part and day.start <= one.began_at < day.end}


def _age(reading: MeterReading, now: datetime) -> int:
    age = reading.age(now)
    return 0 if age is None else round(age.total_seconds())
