"""The rules of energy on examples that can be computed by hand."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.sensors.linking import register_increase
from domain.sensors.model import QualityCode, ReadingColumns, Sensor, SensorDefinition, SensorId, SensorKey
from domain.sensors.reference import Tally, pieces, tallies
from domain.shared.quantities import Accumulation, Quantity, UnitConversion
from domain.shared.time import to_microseconds

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAD = QualityCode.BAD


def make_sensor(accumulation: Accumulation, **more: object) -> Sensor:
    quantity = Quantity.POWER if accumulation in {"instantaneous", "mean"} else Quantity.ENERGY
    return Sensor(
        key=SensorKey(1),
        version=1,
        definition=SensorDefinition(
            sensor_id=SensorId("s"),
            name="s",
            quantity=quantity,
            unit="kW" if quantity is Quantity.POWER else "kWh",
            accumulation=accumulation,
            **more,  # type: ignore[arg-type]  # a test names fields that exist
        ),
        conversion=UnitConversion(),
        canonical_unit="kW",
        created_at=START,
        updated_at=START,
    )


def _tallies(
    sensor: Sensor, readings: Sequence[tuple[int, float]], edges: Sequence[int], bad: Sequence[int] = ()
) -> list[Tally]:
    """Minutes since the start and values; buckets between edges, in minutes too."""
    columns = ReadingColumns(
        array("q", [to_microseconds(START + minute * MINUTE) for minute, _ in readings]),
        array("d", [value for _, value in readings]),
        array("b", [BAD if minute in bad else 0 for minute, _ in readings]),
    )
    return tallies(pieces(sensor, columns), [to_microseconds(START + minute * MINUTE) for minute in edges])


def test_power_is_integrated_by_trapezoids_across_borders() -> None:
    power = make_sensor(Accumulation.INSTANTANEOUS)
    first, second = _tallies(power, [(0, 0.0), (60, 6.0)], [0, 30, 60])
    assert first.amount == pytest.approx(0.75)  # half an hour at 0 to 3 kW
    assert second.amount == pytest.approx(2.25)
    assert first.covered_us == second.covered_us == 30 * 60_000_000


def test_nothing_is_integrated_across_a_long_gap() -> None:
    power = make_sensor(Accumulation.INSTANTANEOUS, resolution=10 * MINUTE)
    (tally,) = _tallies(power, [(0, 1.0), (30, 1.0), (61, 1.0)], [0, 60])
    assert tally.amount == pytest.approx(0.5)
    assert tally.covered_us == 30 * 60_000_000


def test_a_lone_reading_accounts_for_no_time() -> None:
    (tally,) = _tallies(make_sensor(Accumulation.INSTANTANEOUS), [(10, 5.0)], [0, 60])
    assert tally == Tally()


def test_bad_readings_are_passed_over() -> None:
    power = make_sensor(Accumulation.INSTANTANEOUS)
    (tally,) = _tallies(power, [(0, 2.0), (20, 1e9), (60, 2.0)], [0, 60], bad=[20])
    assert tally.amount == pytest.approx(2.0)


def test_a_mean_counts_for_its_own_interval_exactly() -> None:
    mean = make_sensor(Accumulation.MEAN, resolution=15 * MINUTE)
    first, second = _tallies(mean, [(0, 4.0), (15, 8.0), (52, 4.0)], [0, 30, 60])
    assert first.amount == pytest.approx(3.0)
    assert first.covered_us == 30 * 60_000_000
    assert second.amount == pytest.approx(4.0 * 8 / 60)
    assert second.covered_us == 8 * 60_000_000


def test_a_delta_that_straddles_a_border_is_shared_out_by_time() -> None:
    delta = make_sensor(Accumulation.DELTA, resolution=60 * MINUTE)
    first, second = _tallies(delta, [(30, 6.0)], [0, 45, 90])
    assert first.amount == pytest.approx(1.5)
    assert second.amount == pytest.approx(4.5)


def test_a_delta_of_a_short_day_does_not_run_into_the_next() -> None:
    daily = make_sensor(Accumulation.DELTA, resolution=24 * 60 * MINUTE)
    first, second = _tallies(daily, [(0, 23.0), (23 * 60, 24.0)], [0, 23 * 60, 47 * 60])
    assert first.amount == pytest.approx(23.0)
    assert second.amount == pytest.approx(24.0)


def test_a_delta_without_resolution_lasts_until_the_next() -> None:
    delta = make_sensor(Accumulation.DELTA)
    first, second = _tallies(delta, [(0, 3.0), (30, 5.0)], [0, 30, 60])
    assert first.amount == pytest.approx(3.0)
    assert second == Tally()


def test_a_register_counts_its_increases() -> None:
    register = make_sensor(Accumulation.CUMULATIVE)
    first, second = _tallies(register, [(0, 100.0), (20, 102.0), (40, 106.0)], [0, 30, 60])
    assert first.amount == pytest.approx(4.0)
    assert second.amount == pytest.approx(2.0)
    assert not first.estimated


def test_an_outage_is_spread_and_marked_where_a_border_cuts_it() -> None:
    register = make_sensor(Accumulation.CUMULATIVE, resolution=MINUTE)
    readings = [(0, 0.0), (1, 1.0), (59, 59.0), (60, 60.0)]
    halves = _tallies(register, readings, [0, 30, 60])
    assert [half.estimated for half in halves] == [True, True]
    (whole,) = _tallies(register, readings, [0, 60])
    assert whole.amount == pytest.approx(60.0)
    assert not whole.estimated


@pytest.mark.parametrize(
    ("before", "after", "modulus", "expected"),
    [
        (10.0, 12.5, None, (2.5, False)),
        (1000.0, 3.0, None, (3.0, True)),
        (1000.0, 999.0, None, (0.0, True)),
        (1000.0, 100.0, None, (0.0, True)),
        (9990.0, 5.0, 10_000.0, (15.0, False)),
        (8000.0, 5.0, 10_000.0, (5.0, True)),
    ],
)
def test_a_register_that_falls_was_reset_wrapped_or_is_doubtful(
    before: float, after: float, modulus: float | None, expected: tuple[float, bool]
) -> None:
    assert register_increase(before, after, modulus) == pytest.approx(expected)


def test_an_impossible_increase_is_not_counted() -> None:
    register = make_sensor(Accumulation.CUMULATIVE, max_power_kw=10.0)
    (tally,) = _tallies(register, [(0, 0.0), (30, 5000.0), (60, 5004.0)], [0, 60])
    assert tally.amount == pytest.approx(4.0)
    assert tally.estimated
    assert tally.covered_us == 30 * 60_000_000
