"""The rules of baselines once more, slowly and plainly, for days without clock changes.

Nothing here knows UTC, intervals or the code that is tested: a load is a table of days, each a list of the kW
of its quarter-hours or None, as one would have it on paper. Windows do not pass midnight.
"""

from dataclasses import dataclass
from datetime import date, timedelta

Table = dict[date, list[float | None]]


@dataclass
class Plain:
    used: list[date]
    excluded: dict[date, str]
    baseline: list[float] | None
    factor: float | None


def is_off(day: date, holidays: set[date]) -> bool:
    return day.isoweekday() in {6, 7} or day in holidays


def plain_baseline(  # noqa: C901, PLR0912 - in one piece it can be read against the rules
    method: str,
    table: Table,
    day: date,
    first_quarter: int,
    last_quarter: int,
    holidays: set[date],
    event_days: set[date],
) -> Plain:
    """Return the baseline of the quarters from the first up to, and without, the last; at least the 17th."""
    wanted = 5 if method == "high_4_of_5" else 10
    candidates: list[date] = []
    excluded: dict[date, str] = {}
    for back in range(1, 46):
        other = day - timedelta(days=back)
        if len(candidates) == wanted:
            break
        if is_off(other, holidays) != is_off(day, holidays):
            if other.isoweekday() <= 5 and other in holidays:
                excluded[other] = "holiday"
            continue
        quarters = table.get(other, [None] * 96)
        before = quarters[first_quarter - 16 : first_quarter - 4]
        if other in event_days:
            excluded[other] = "event_day"
        elif None in quarters[first_quarter:last_quarter] or before.count(None) > 1:
            excluded[other] = "coverage"
        else:
            candidates.append(other)

    def energy(one: date) -> float:
        return sum(kw or 0 for kw in table[one][first_quarter:last_quarter])

    if len(candidates) < (4 if method == "high_4_of_5" else 5):
        return Plain([], excluded, None, None)
    # Candidates stand latest first, and sorting keeps that order among equals.
    if method == "10_of_10":
        used = candidates
    elif method == "high_5_of_10":
        used = sorted(candidates, key=energy, reverse=True)[:5]
    elif method == "high_4_of_5":
        used = sorted(candidates, key=energy, reverse=True)[:4]
    else:
        used = list(candidates)
        # The earliest of the lowest goes, then the earliest of the highest.
        used.remove(min(reversed(used), key=energy))
        used.remove(max(reversed(used), key=energy))

    def mean_at(quarter: int) -> float:
        known = [kw for one in used if (kw := table[one][quarter]) is not None]
        return sum(known) / len(known)

    baseline = [mean_at(quarter) for quarter in range(first_quarter, last_quarter)]
    window = range(first_quarter - 16, first_quarter - 4)
    known_quarters = [quarter for quarter in window if table[day][quarter] is not None]
    factor = None
    if len(known_quarters) >= 11:
        top = sum(table[day][quarter] or 0 for quarter in known_quarters)
        bottom = sum(mean_at(quarter) for quarter in known_quarters)
        if bottom > 0 and top > 0:
            factor = max(0.8, min(1.2, top / bottom))
    if factor is not None:
        baseline = [kw * factor for kw in baseline]
    return Plain(sorted(used, reverse=True), excluded, baseline, factor)
