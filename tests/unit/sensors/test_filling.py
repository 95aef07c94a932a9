"""Buckets without data: left out, kept, or guessed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.filling import Fill, filled
from domain.shared.quantities import Quality

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = START + timedelta(days=400)


def bucket(
    number: int, mean: float | None, *, hours: float = 1, reason: str | None = None, **more: float | None
) -> Bucket:
    has = mean is not None
    return Bucket(
        start=START + number * HOUR,
        end=START + (number + hours) * HOUR,
        aggregates={
            Aggregate.MEAN: mean,
            Aggregate.COUNT: 4 if has else 0,
            Aggregate.ENERGY: mean,
            **{Aggregate(name): value for name, value in more.items()},
        },
        expected=4,
        actual=4 if has else 0,
        coverage=1.0 if has else 0.0,
        quality=Quality.OK if has else Quality.MISSING,
        settled=True,
        reason=reason,
    )


def means(buckets: list[Bucket], how: Fill, now: datetime = LATER) -> list[float | None]:
    return [one.aggregates[Aggregate.MEAN] for one in filled(buckets, how, now)]


ROW = [bucket(number, mean) for number, mean in enumerate([None, 1.0, None, None, 4.0, None])]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Fill.NONE, [1.0, 4.0]),
        (Fill.NULL, [None, 1.0, None, None, 4.0, None]),
        (Fill.PREVIOUS, [None, 1.0, 1.0, 1.0, 4.0, 4.0]),
        (Fill.LINEAR, [None, 1.0, 2.0, 3.0, 4.0, None]),
    ],
)
def test_the_four_ways(how: Fill, expected: list[float | None]) -> None:
    assert means(ROW, how) == expected


def test_what_is_guessed_says_so_and_amounts_are_not_guessed() -> None:
    _, _, guess, *_ = filled(ROW, Fill.LINEAR, LATER)
    assert (guess.quality, guess.coverage, guess.actual) == (Quality.ESTIMATED, 0.0, 0)
    assert (guess.aggregates[Aggregate.ENERGY], guess.aggregates[Aggregate.COUNT]) == (None, 0)
    assert [one.quality for one in filled(ROW, Fill.PREVIOUS, LATER)][::5] == [
        Quality.MISSING,
        Quality.ESTIMATED,
    ]


@pytest.mark.parametrize("how", Fill)
def test_a_single_point_and_none_at_all(how: Fill) -> None:
    lone = [bucket(0, None), bucket(1, 5.0), bucket(2, None)]
    kept = {Fill.NONE: [5.0], Fill.PREVIOUS: [None, 5.0, 5.0]}
    assert means(lone, how) == kept.get(how, [None, 5.0, None])
    assert means([bucket(0, None)], how) == ([] if how is Fill.NONE else [None])
    assert means([], how) == []


def test_lines_run_by_time_from_middle_to_middle() -> None:
    # Middles at 0.5, 2.5 and 7 hours.
    row = [bucket(0, 0.0), bucket(1, None, hours=3), bucket(4, 13.0, hours=6)]
    assert means(row, Fill.LINEAR) == pytest.approx([0.0, 4.0, 13.0])


def test_lines_run_straight_where_the_clocks_change() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    begin = datetime(2026, 3, 28, 22, tzinfo=UTC)
    row = [
        Bucket(
            start=(begin + number * HOUR).astimezone(lisbon),
            end=(begin + (number + 1) * HOUR).astimezone(lisbon),
            aggregates={Aggregate.MEAN: mean},
            expected=None,
            actual=int(mean is not None),
            coverage=float(mean is not None),
            quality=Quality.OK,
            settled=True,
        )
        for number, mean in enumerate([0.0, None, None, None, 4.0])
    ]
    assert means(row, Fill.LINEAR) == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0])


def test_each_figure_is_filled_for_itself_and_only_those_asked_for() -> None:
    # A lone reading is a first and a last, and no mean.
    row = [bucket(0, 1.0, first=1.0), bucket(1, None, first=9.0), bucket(2, 3.0, first=3.0)]
    guess = filled(row, Fill.LINEAR, LATER)[1]
    assert (guess.aggregates[Aggregate.MEAN], guess.aggregates[Aggregate.FIRST]) == (2.0, 9.0)
    assert Aggregate.MIN not in guess.aggregates


@pytest.mark.parametrize("how", [Fill.PREVIOUS, Fill.LINEAR])
def test_what_has_not_begun_is_not_guessed(how: Fill) -> None:
    row = [bucket(0, 1.0), bucket(1, None), bucket(2, None), bucket(3, None)]
    running = START + 1.5 * HOUR
    assert means(row, how, running) == [1.0, 1.0 if how is Fill.PREVIOUS else None, None, None]


@pytest.mark.parametrize("how", [Fill.PREVIOUS, Fill.LINEAR])
def test_what_cannot_be_answered_any_more_stays_null(how: Fill) -> None:
    row = [bucket(0, 1.0), bucket(1, None, reason="beyond_retention"), bucket(2, 3.0)]
    guess = filled(row, how, LATER)[1]
    assert (guess.aggregates[Aggregate.MEAN], guess.quality) == (None, Quality.MISSING)
    assert len(filled(row, Fill.NONE, LATER)) == 3
