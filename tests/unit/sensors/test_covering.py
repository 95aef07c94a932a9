"""Which summaries cover which buckets."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sensors.covering import QUARTERS, Level, Span, covering
from domain.sensors.services.buckets import edges_of
from domain.shared.periods import parse_period
from domain.shared.time import to_microseconds

QUARTER = Level.QUARTER_HOUR.length_us
DAY = Level.DAY.length_us


@given(
    st.lists(
        st.integers(0, 3 * DAY // 1_000_000).map(lambda second: second * 1_000_000), min_size=2, unique=True
    ),
    st.sets(st.integers(0, 3 * 96)),
)
def test_all_of_the_time_is_covered_once_and_nothing_stale_or_cut_is_taken(
    edges: list[int], stale: set[int]
) -> None:
    edges.sort()
    spans = covering(edges, sorted(stale))
    ranges = [(span.low * span.level.length_us, span.high * span.level.length_us) for span in spans]
    assert (ranges[0][0], ranges[-1][1]) == (edges[0], edges[-1])
    assert all(one[1] == other[0] for one, other in pairwise(ranges))
    for span in spans:
        if span.level is not Level.READINGS:
            per = QUARTERS[span.level]
            assert not stale.intersection(range(span.low * per, span.high * per))
            numbers = range(span.low, span.high)
            assert not any(
                edge % span.level.length_us and edge // span.level.length_us in numbers for edge in edges
            )


def test_months_of_whole_days_are_days() -> None:
    edges = edges_of(
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
        parse_period("P1M"),
        ZoneInfo("UTC"),
    )
    first = to_microseconds(edges[0]) // DAY
    assert covering([to_microseconds(edge) for edge in edges]) == [Span(Level.DAY, first, first + 90)]


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "Europe/Amsterdam", "Africa/Monrovia"])
def test_offsets_of_seconds_cost_only_the_quarter_hours_at_the_borders(zone: str) -> None:
    edges = edges_of(
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(2100, 1, 1, tzinfo=UTC),
        parse_period("P1Y"),
        ZoneInfo(zone),
    )
    spans = covering([to_microseconds(edge) for edge in edges])
    assert sum(span.high - span.low for span in spans if span.level is Level.READINGS) <= len(edges) * QUARTER
