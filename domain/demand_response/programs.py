"""Programs: what events have in common, how they are measured, and rules that create them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.dr_events import Signal
from domain.demand_response.model import NO_TIME, ProgramId, Targets
from domain.shared.weeks import Weekday


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadDescriptor:
    """What the values of a program's events mean (OpenADR 3): such as ``PRICE`` in ``EUR/kWh``."""

    payload_type: str
    units: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """Creates an event of the program on each of the days, ``ahead`` of its start.

    ``at`` is the start, in minutes from midnight of the site's zone.
    """

    days: frozenset[Weekday]
    at: int
    duration: timedelta
    signal: Signal
    targets: Targets = field(default_factory=Targets)
    ahead: timedelta = timedelta(days=1)
    notification_period: timedelta | None = None
    ramp_up_period: timedelta = NO_TIME
    recovery_period: timedelta = NO_TIME
    randomize_start: timedelta = NO_TIME
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramTerms:
    """What a client says of a program; ``program_name`` is taken once, events are measured by the method."""

    program_name: str
    description: str | None = None
    baseline_method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    payload_descriptors: tuple[PayloadDescriptor, ...] = ()
    rule: EventRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program as it is stored."""

    program_id: ProgramId
    terms: ProgramTerms
    created_at: datetime
    updated_at: datetime
