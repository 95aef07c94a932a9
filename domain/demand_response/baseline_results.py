"""What a baseline is, and what is said with it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.demand_response.adjustments import Adjustment, AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.reference_days import ExcludedDay, ReferenceDay
from domain.shared.time import TimeRange


class MeasurementStatus(StrEnum):
    """Whether there is a figure: not yet, or never by these data."""

    OK = "OK"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"
    PENDING = "PENDING"


class Insufficiency(StrEnum):
    """What is missing: reference days, the three hours before, or the event window on the day itself."""

    TOO_FEW_DAYS = "too_few_days"
    BEFORE_NOT_KNOWN = "before_not_known"
    EVENT_NOT_KNOWN = "event_not_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRequest:
    """Which baseline is asked for. ``notified_at`` is when the device got to know of the event."""

    window: TimeRange
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE
    notified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineInterval:
    """An interval of the event window, in mean kW. None is not known, never 0.

    ``unadjusted_kw`` is B(t), ``baseline_kw`` B*(t) after the adjustment, ``actual_kw`` the metered load,
    ``reduction_kw`` what the first exceeds the last by: negative where more was used. ``coverage`` is the
    share of the interval, 0 to 1, that is known on the day itself.
    """

    start: datetime
    unadjusted_kw: float | None
    baseline_kw: float | None
    actual_kw: float | None
    reduction_kw: float | None
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A baseline with its evidence, from which it can be worked out again by hand.

    For each interval of the window, ``unadjusted_kw`` is the mean of what stands at its place in the
    ``window_kw`` of the days used, and ``baseline_kw`` that times, or plus, what was applied. Days are listed
    latest first. ``day`` is the local one on which the window starts. ``reduction_kw`` is the mean of the
    reductions of the intervals that are known, ``energy_kwh`` their sum times the hours of an interval; what
    is not known is not made up for, so ``coverage`` (0 to 1, of the window on the day itself) stands beside
    it. Both are None but where the status is ``OK``.
    """

    method: BaselineMethod
    status: MeasurementStatus
    insufficiency: Insufficiency | None
    window: TimeRange
    resolution: timedelta
    timezone: str
    day: date
    working_day: bool
    eligible_days: tuple[ReferenceDay, ...]
    days_excluded: tuple[ExcludedDay, ...]
    adjustment: Adjustment
    intervals: tuple[BaselineInterval, ...]
    coverage: float
    reduction_kw: float | None
    energy_kwh: float | None

    @property
    def days_used(self) -> tuple[date, ...]:
        """The days that the mean is made of, latest first."""
        return tuple(one.day for one in self.eligible_days if one.used)
