"""Assignments: a device that serves an event, from the moment it is told to shed until it is released."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.demand_response.model import NO_TIME, AssignmentId, DeviceId, DrEventId
from domain.shared.time import TimeRange


class EndReason(StrEnum):
    """Why a device serves an event no more."""

    EVENT_ENDED = "event_ended"
    EVENT_CANCELLED = "event_cancelled"
    OPT_OUT = "opt_out"
    MAX_DURATION = "max_duration"
    TAKEN_OVER = "taken_over"
    """An event of a higher priority has the device now."""
    FAILED = "failed"
    """It could not be told."""


class Following(StrEnum):
    """Whether the meter shows that the device did as it was told."""

    UNKNOWN = "unknown"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A device that serves an event in ``[began_at, ended_at)``; it serves one event at a time.

    ``asked_kw`` is what it has to shed, None where nothing is known of its load; ``power_before_kw`` the
    load that it had when it was chosen, or would have had if it had not shed already. ``check_at`` is when
    its meter is looked at, ``until`` when it has to be released although the event goes on; both None where
    never. ``shed_kw`` is what the meter showed last. ``delivered_kw`` is the mean reduction against the
    baseline, ``committed_kw`` what it had committed; the report of the event writes both.
    """

    assignment_id: AssignmentId
    event_id: DrEventId
    device_id: DeviceId
    began_at: datetime
    asked_kw: float | None = None
    power_before_kw: float | None = None
    check_at: datetime | None = None
    until: datetime | None = None
    following: Following = Following.UNKNOWN
    shed_kw: float | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    committed_kw: float | None = None
    delivered_kw: float | None = None

    @property
    def is_serving(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    @property
    def took_part(self) -> bool:
        """Whether the device was told, so that it counts as having served."""
        return self.end_reason is not EndReason.FAILED


def time_served(assigned: Iterable[Assignment], asked: TimeRange) -> timedelta:
    """Return how much of a time a device served; what goes on goes on until the end of it."""
    spans = [
        min(one.ended_at or asked.end, asked.end) - max(one.began_at, asked.start)
        for one in assigned
        if one.took_part
    ]
    return sum((span for span in spans if span > NO_TIME), NO_TIME)


@dataclass(frozen=True, slots=True)
class DeliveredSoFar:
    """What a device had committed and what it delivered, in kW, summed up over its reported events."""

    committed_kw: float
    delivered_kw: float
