"""Which load history a baseline looks at."""

from datetime import timedelta

from domain.demand_response.adjustments import (
    ADJUSTMENT_BEGINS,
    ADJUSTMENT_ENDS,
    BEFORE_BEGINS,
    window_before,
)
from domain.demand_response.baseline_methods import EARLIEST_DAYS_BACK, BaselineMethod
from domain.demand_response.load import check_resolution
from domain.demand_response.local_days import LocalDays, days_before
from domain.demand_response.local_windows import event_window, local_window
from domain.shared.time import TimeRange

_NOTHING = timedelta()


def baseline_spans(
    times: TimeRange,
    method: BaselineMethod,
    resolution: timedelta,
    local: LocalDays,
    recovery: timedelta = _NOTHING,
) -> tuple[TimeRange, ...]:
    """Return the spans of time whose load `baseline_of` and `rebound_of` look at, earliest first.

    Each is cut into intervals from its own start, so that a window that begins at 14:07 is compared with
    14:07 of the other days. They may overlap, where they are longer than a day. Those of days with a clock
    change are left out, since such days are no reference.

    Raises:
        InvalidError: ``invalid_resolution``, ``unaligned_window``, ``window_too_long``.

    """
    check_resolution(resolution)
    day, window = event_window(times, resolution, local)
    is_matching = method is not BaselineMethod.METER_BEFORE_AFTER
    begins, ends = (ADJUSTMENT_BEGINS, ADJUSTMENT_ENDS) if is_matching else (BEFORE_BEGINS, _NOTHING)
    before = window_before(window.times.start, begins, ends, resolution)
    whole = TimeRange(before.start if before else window.times.start, window.times.end + recovery)
    spans = [whole]
    if is_matching:
        span = local_window(whole, day, resolution, local)
        for earlier in days_before(day, EARLIEST_DAYS_BACK):
            if local.is_working(earlier) is not local.is_working(day):
                continue
            if any(local.changes_clocks(one) for one in span.days_touched(earlier)):
                continue
            start = local.midnight(earlier)
            spans.append(TimeRange(start + min(span.clocks), start + max(span.clocks) + span.resolution))
    return tuple(sorted(spans, key=lambda one: one.start))
