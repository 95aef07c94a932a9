"""Demand response events: what is asked of whom and when, and how far it is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.demand_response.model import NO_TIME, DrEventId, Fault, LeftOut, ProgramId, Targets
from domain.shared.events import Actor


class SignalType(StrEnum):
    """What an event asks for.

    ``SIMPLE``: a level from 0 (nothing) to 3; ``LOAD_REDUCTION``: kW less; ``PRICE``: a price is announced;
    ``IMPORT_CAPACITY_LIMIT``: kW that the site may take from the grid at most.
    """

    SIMPLE = "SIMPLE"
    LOAD_REDUCTION = "LOAD_REDUCTION"
    PRICE = "PRICE"
    IMPORT_CAPACITY_LIMIT = "IMPORT_CAPACITY_LIMIT"

    @property
    def in_kw(self) -> bool:
        """Whether the value is in kW, so that there is a target to be met."""
        return self in {SignalType.LOAD_REDUCTION, SignalType.IMPORT_CAPACITY_LIMIT}


@dataclass(frozen=True, slots=True)
class Signal:
    """What an event asks for, and how much of it; ``unit`` is kW, a price per energy, or None for a level."""

    type: SignalType
    value: float
    unit: str | None = None


class DrEventStatus(StrEnum):
    """How far an event is (OpenADR 2.0b). ``near``: inside ``ramp_up_period`` before the start."""

    DRAFT = "draft"
    FAR = "far"
    NEAR = "near"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether it stays so for ever."""
        return self in {DrEventStatus.COMPLETED, DrEventStatus.CANCELLED}

    @property
    def is_open(self) -> bool:
        """Whether it is published and not over."""
        return self in {DrEventStatus.FAR, DrEventStatus.NEAR, DrEventStatus.ACTIVE}

    @property
    def is_dispatching(self) -> bool:
        """Whether devices may be told to shed."""
        return self in {DrEventStatus.NEAR, DrEventStatus.ACTIVE}


class EventOrigin(StrEnum):
    """Where an event comes from: a client, the rule of its program, or a request for load reduction."""

    API = "api"
    RULE = "rule"
    LOAD_REDUCTION = "load_reduction"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A step of an event's life: since when it has the status, who took it there and why."""

    status: DrEventStatus
    at: datetime
    by: Actor
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTerms:
    """What is asked for: by a client, a rule, or a request for load reduction.

    ``notification_period``: invitations go out so long before the start, None: at once. ``ramp_up_period``:
    how long before the start devices may begin to shed. ``recovery_period``: the time after the end in which
    a rebound is measured. ``randomize_start``: the time after the end over which devices come back.
    ``priority``: 0 is the highest, None the lowest.
    """

    event_name: str
    signal: Signal
    start: datetime
    duration: timedelta
    program_id: ProgramId | None = None
    notification_period: timedelta | None = None
    ramp_up_period: timedelta = NO_TIME
    recovery_period: timedelta = NO_TIME
    randomize_start: timedelta = NO_TIME
    priority: int | None = None
    targets: Targets = field(default_factory=Targets)
    test_event: bool = False

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + self.duration

    @property
    def near_from(self) -> datetime:
        """The moment from which it is near; the start where there is no ramp-up."""
        return self.start - self.ramp_up_period


@dataclass(frozen=True, slots=True, kw_only=True)
class DrEvent:
    """An event as it is stored.

    ``invited_at`` is when its invitations went out, None before. ``dispatched``: some device was told to
    shed. ``missed`` says why none was, where one should have been. ``left_out`` are devices that its targets
    name, but that got no invitation. ``history`` has every status it had, oldest first; a repeated status
    is none. ``due_at`` is when its life goes on by itself; None: never.
    """

    event_id: DrEventId
    terms: EventTerms
    status: DrEventStatus
    origin: EventOrigin
    created_at: datetime
    created_by: Actor
    published_at: datetime | None = None
    invited_at: datetime | None = None
    dispatched: bool = False
    missed: Fault | None = None
    left_out: tuple[LeftOut, ...] = ()
    history: tuple[StatusChange, ...] = ()
    due_at: datetime | None = None
    reported_version: int = 0
    """The newest version of its performance report that is kept; 0 before the first."""

    @property
    def rank(self) -> tuple[bool, int, datetime, str]:
        """Sorts events that want the same device: the one that gets it comes first."""
        priority = self.terms.priority
        return (priority is None, priority or 0, self.created_at, str(self.event_id))
