"""The same-day adjustment: how a baseline is brought to the level of the day itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_windows import LocalWindow, overlaps
from domain.demand_response.means import mean
from domain.demand_response.reference_days import ReferenceDay, is_enough
from domain.shared.time import TimeRange

ADJUSTMENT_BEGINS: Final = timedelta(hours=4)
ADJUSTMENT_ENDS: Final = timedelta(hours=1)
"""Before the event: the first three of the four hours ahead of it, as CAISO's load point adjustment takes."""

BEFORE_BEGINS: Final = timedelta(hours=3)
LOWEST_FACTOR: Final = 0.8
HIGHEST_FACTOR: Final = 1.2


class AdjustmentKind(StrEnum):
    """By a factor, by a difference in kW, or not at all."""

    MULTIPLICATIVE = "multiplicative"
    ADDITIVE = "additive"
    NONE = "none"


class NoAdjustmentReason(StrEnum):
    """Why a baseline is as the reference days have it.

    ``not_asked``; ``method``: the method looks at no other day; ``resolution``: the window is no whole number
    of intervals; ``window_not_over``; ``too_few_days``: there is nothing to adjust; ``coverage``: under 90 %
    of the window is known on the day itself; ``baseline_not_positive``: a factor would mean nothing.
    """

    NOT_ASKED = "not_asked"
    METHOD = "method"
    RESOLUTION = "resolution"
    WINDOW_NOT_OVER = "window_not_over"
    TOO_FEW_DAYS = "too_few_days"
    COVERAGE = "coverage"
    BASELINE_NOT_POSITIVE = "baseline_not_positive"


@dataclass(frozen=True, slots=True)
class WindowInterval:
    """An interval before the event, in kW, of the days used and of the day itself. None: not known."""

    start: datetime
    baseline_kw: float | None
    actual_kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What was done to a baseline, and all that it was worked out from.

    ``raw`` is what the loads give, ``applied`` what the baseline was multiplied by, or what was added to it
    in kW; both None where there was nothing to be had. ``mean_baseline_kw`` and ``mean_actual_kw`` are the
    means of the ``intervals`` in which both are known. ``coverage`` is the share of the window, 0 to 1, that
    is known on the day itself. For `meter_before_after` the window is that of the three hours before, and
    ``mean_actual_kw`` the baseline.

    ``notified_before_window``: the device knew of the event before the window began, so that its load could
    be raised there on purpose. ``event_in_window``: the device took part in another event then, so that its
    load was not its usual one. Both are stated and change nothing.
    """

    kind: AdjustmentKind
    reason: NoAdjustmentReason | None = None
    window: TimeRange | None = None
    intervals: tuple[WindowInterval, ...] = ()
    mean_baseline_kw: float | None = None
    mean_actual_kw: float | None = None
    coverage: float = 0.0
    raw: float | None = None
    applied: float | None = None
    notified_before_window: bool = False
    event_in_window: bool = False

    def adjusted(self, kw: float) -> float:
        """Return the unadjusted baseline (kW) after the adjustment."""
        if self.applied is None:
            return kw
        return kw * self.applied if self.kind is AdjustmentKind.MULTIPLICATIVE else kw + self.applied


def window_before(
    start: datetime, begins: timedelta, ends: timedelta, resolution: timedelta
) -> TimeRange | None:
    """Return the window from ``begins`` to ``ends`` before the start.

    None where intervals that are counted from the start do not meet its borders.
    """
    if begins % resolution or ends % resolution:
        return None
    return TimeRange(start - begins, start - ends)


def observed(
    window: LocalWindow,
    load: MeteredLoad,
    days_used: Sequence[ReferenceDay],
    events: Sequence[TimeRange],
    notified_at: datetime | None,
) -> Adjustment:
    """Return what is known of a window before the event, with no adjustment yet.

    The baseline of an interval is the mean over the days used that have it: each has 90 % of the window at
    least.
    """
    baselines = [
        mean([kw for day in days_used if (kw := day.adjustment_kw[number]) is not None])
        for number in range(len(window.starts))
    ]
    intervals = tuple(
        WindowInterval(start, kw, load.kw(start)) for start, kw in zip(window.starts, baselines, strict=True)
    )
    compared = [one for one in intervals if one.actual_kw is not None]
    if days_used:
        compared = [one for one in compared if one.baseline_kw is not None]
    return Adjustment(
        kind=AdjustmentKind.NONE,
        window=window.times,
        intervals=intervals,
        mean_baseline_kw=mean([one.baseline_kw for one in compared if one.baseline_kw is not None]),
        mean_actual_kw=mean([one.actual_kw for one in compared if one.actual_kw is not None]),
        coverage=window.coverage(load),
        notified_before_window=notified_at is not None and notified_at < window.times.start,
        event_in_window=overlaps(window.times, events),
    )


def adjustment_of(seen: Adjustment, kind: AdjustmentKind, load: MeteredLoad) -> Adjustment:
    """Return the adjustment of this kind that the observed window gives, or none with the reason.

    Multiplicative: ``f = mean L(D,W) / mean B(W)``, held between 0.8 and 1.2, as CAISO's load point
    adjustment (CAISO tariff, section 4.13.4). Additive: ``mean L(D,W) - mean B(W)`` in kW without bounds, as
    the symmetric additive adjustment of PJM (PJM Manual 11). The first needs a positive baseline and a
    positive load in the window; the second needs neither.
    """
    if kind is AdjustmentKind.NONE:
        return replace(seen, reason=NoAdjustmentReason.NOT_ASKED)
    if seen.window is not None and seen.window.end > load.known_until:
        return replace(seen, reason=NoAdjustmentReason.WINDOW_NOT_OVER)
    baseline, actual = seen.mean_baseline_kw, seen.mean_actual_kw
    if not is_enough(seen.coverage) or baseline is None or actual is None:
        return replace(seen, reason=NoAdjustmentReason.COVERAGE)
    if kind is AdjustmentKind.ADDITIVE:
        return replace(seen, kind=kind, raw=actual - baseline, applied=actual - baseline)
    if baseline <= 0:
        return replace(seen, reason=NoAdjustmentReason.BASELINE_NOT_POSITIVE)
    factor = actual / baseline
    if factor <= 0:
        return replace(seen, reason=NoAdjustmentReason.BASELINE_NOT_POSITIVE, raw=factor)
    return replace(seen, kind=kind, raw=factor, applied=min(max(factor, LOWEST_FACTOR), HIGHEST_FACTOR))
