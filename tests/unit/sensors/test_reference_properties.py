"""What must hold of energy whatever the readings and the borders are."""

import itertools
from array import array
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sensors.model import QualityCode, ReadingColumns, Sensor
from domain.sensors.reference import pieces, tallies
from domain.shared.quantities import Accumulation
from tests.unit.sensors.test_reference import make_sensor

MINUTE_US = 60_000_000
DAY = 1440


@st.composite
def sensors(draw: st.DrawFn) -> Sensor:
    minutes = st.integers(1, 120)
    resolution = draw(st.none() | minutes)
    max_gap = draw(st.none() | minutes)
    return make_sensor(
        draw(st.sampled_from(list(Accumulation))),
        resolution=None if resolution is None else timedelta(minutes=resolution),
        max_gap=None if max_gap is None else timedelta(minutes=max_gap),
        max_power_kw=draw(st.none() | st.floats(1, 1e4)),
    )


@st.composite
def readings(draw: st.DrawFn) -> ReadingColumns:
    minutes = sorted(draw(st.sets(st.integers(0, DAY), max_size=40)))
    values = st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 999_999.0])
    return ReadingColumns(
        array("q", [minute * MINUTE_US for minute in minutes]),
        array("d", [draw(values) for _ in minutes]),
        array("b", [draw(st.sampled_from([QualityCode.OK] * 5 + [QualityCode.BAD])) for _ in minutes]),
    )


@st.composite
def borders(draw: st.DrawFn) -> list[int]:
    inside = draw(st.sets(st.integers(1, DAY * 60 - 1), max_size=20))
    return [0, *sorted(second * 1_000_000 for second in inside), DAY * MINUTE_US]


@given(sensors(), readings(), borders())
def test_the_parts_of_a_day_add_up_to_the_day(
    sensor: Sensor, columns: ReadingColumns, edges: list[int]
) -> None:
    parts = tallies(pieces(sensor, columns), edges)
    (whole,) = tallies(pieces(sensor, columns), [edges[0], edges[-1]])
    assert sum(part.amount for part in parts) == pytest.approx(whole.amount, rel=1e-9, abs=1e-9)
    assert sum(part.covered_us for part in parts) == whole.covered_us
    assert whole.estimated <= any(part.estimated for part in parts)


@given(sensors(), readings(), borders())
def test_no_bucket_is_covered_more_than_once(
    sensor: Sensor, columns: ReadingColumns, edges: list[int]
) -> None:
    for part, start, end in zip(tallies(pieces(sensor, columns), edges), edges[:-1], edges[1:], strict=True):
        assert 0 <= part.covered_us <= end - start
        assert part.covered_us or not part.amount


@given(sensors(), readings())
def test_pieces_follow_each_other_without_overlap(sensor: Sensor, columns: ReadingColumns) -> None:
    found = list(pieces(sensor, columns))
    for piece, following in itertools.pairwise(found):
        assert piece.start_us < piece.end_us <= following.start_us


@given(readings())
def test_a_register_that_only_grows_yields_its_growth(columns: ReadingColumns) -> None:
    columns.values[:] = array("d", sorted(columns.values))
    good = [value for value, code in zip(columns.values, columns.qualities, strict=True) if code != 2]
    (tally,) = tallies(pieces(make_sensor(Accumulation.CUMULATIVE), columns), [0, DAY * MINUTE_US])
    assert tally.amount == pytest.approx(good[-1] - good[0] if good else 0.0)
    assert not tally.estimated


@given(readings())
def test_a_bad_reading_changes_nothing(columns: ReadingColumns) -> None:
    rows = zip(columns.times_us, columns.values, columns.qualities, strict=True)
    good = [row for row in rows if row[2] != QualityCode.BAD]
    alone = ReadingColumns(
        array("q", [row[0] for row in good]),
        array("d", [row[1] for row in good]),
        array("b", [row[2] for row in good]),
    )
    for accumulation in Accumulation:
        sensor = make_sensor(accumulation)
        assert list(pieces(sensor, columns)) == list(pieces(sensor, alone))
