"""What members give a group, bucket by bucket."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.sensors.linking import HOUR_US
from domain.sensors.model import Sensor
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.groups import Group, GroupBucket
from domain.sensors.services.totals import SensorTotals
from domain.sensors.summaries import Total
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity, UnitConversion
from tests.unit.sensors.samples import UNITS, definition, sensor

START = datetime(2026, 3, 1, tzinfo=UTC)
EDGES = [START + hour * timedelta(hours=1) for hour in range(3)]
MEAN, MIN, MAX, ENERGY = Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.ENERGY


def full(value: float, *, share: float = 1.0, low: float | None = None, high: float | None = None) -> Total:
    """Return what four readings of a power or a temperature give an hour."""
    covered = int(share * HOUR_US)
    amount = value * covered / HOUR_US
    least, most = value if low is None else low, value if high is None else high
    return Total(
        amount=amount, covered_us=covered, count=4, total=4 * value, minimum=least, maximum=most, first=least,
        last=most,
    )  # fmt: skip


def member(sensor_id: str, **more: object) -> Sensor:
    more = {"resolution": timedelta(minutes=15), "accumulation": Accumulation.MEAN, **more}
    return sensor(sum(sensor_id.encode()), definition(sensor_id, **more))  # type: ignore[arg-type]  # by name


def temperature(sensor_id: str) -> Sensor:
    return member(sensor_id, quantity=Quantity.TEMPERATURE, unit="degC")


def group(
    *members: tuple[Sensor, list[Total]],
    begins: tuple[int, ...] = (),
    gone: frozenset[int] = frozenset(),
    conversion: UnitConversion | None = None,
) -> list[GroupBucket]:
    found = Group(EDGES, tuple(Aggregate), conversion or UnitConversion())
    for number, (one, totals) in enumerate(members):
        begin = begins[number] if begins else 0
        found.add(one, SensorTotals(totals, gone if number == 0 else frozenset(), begin))
    return found.buckets(START + timedelta(hours=1))


def test_powers_and_energies_add_up() -> None:
    first, second = group((member("a"), [full(2.0), full(1.0)]), (member("b"), [full(3.0), full(4.0)]))
    assert first.aggregates == {
        MEAN: 5.0, MIN: 5.0, MAX: 5.0, Aggregate.SUM: 20.0, Aggregate.COUNT: 8, Aggregate.FIRST: 5.0,
        Aggregate.LAST: 5.0, ENERGY: 5.0,
    }  # fmt: skip
    assert second.aggregates[ENERGY] == 5.0
    assert (first.expected, first.actual, first.coverage, first.coverage_min) == (8, 8, 1.0, 1.0)
    assert (first.quality, first.missing_sensors) == (Quality.OK, [])
    assert (first.settled, second.settled) == (True, False)


def test_a_dead_member_nulls_nothing_and_is_named() -> None:
    first, second = group((member("a"), [full(2.0), Total()]), (member("b"), [full(3.0, share=0.5), Total()]))
    assert (first.aggregates[MEAN], first.aggregates[ENERGY]) == (5.0, 3.5)
    assert (first.coverage, first.coverage_min, first.quality) == (0.75, 0.5, Quality.ESTIMATED)
    assert first.missing_sensors == []
    assert [second.aggregates[one] for one in (MEAN, MIN, Aggregate.SUM, ENERGY)] == [None] * 4
    assert (second.aggregates[Aggregate.COUNT], second.coverage, second.quality) == (0, 0.0, Quality.MISSING)
    assert second.missing_sensors == ["a", "b"]


def test_one_null_does_not_null_the_sum() -> None:
    first, _ = group((member("a"), [full(2.0), full(1.0)]), (member("dead"), [Total(), Total()]))
    assert first.aggregates[ENERGY] == 2.0
    assert (first.coverage, first.coverage_min, first.missing_sensors) == (0.5, 0.0, ["dead"])
    assert (first.expected, first.actual, first.quality) == (8, 4, Quality.ESTIMATED)


def test_a_member_is_not_missed_before_its_first_reading() -> None:
    first, second = group(
        (member("a"), [full(2.0), full(2.0)]), (member("new"), [Total(), full(3.0)]), begins=(0, 1)
    )
    assert (first.coverage, first.quality, first.missing_sensors, first.expected) == (1.0, Quality.OK, [], 4)
    assert (second.aggregates[ENERGY], second.expected) == (5.0, 8)


def test_before_all_members_there_is_nothing() -> None:
    first, _ = group((member("new"), [Total(), full(3.0)]), begins=(1,))
    assert (first.expected, first.coverage, first.coverage_min) == (0, 0.0, 0.0)
    assert (first.quality, first.missing_sensors, first.aggregates[ENERGY]) == (Quality.MISSING, [], None)


def test_a_lone_reading_is_no_energy_but_is_not_missing() -> None:
    lone = Total(count=1, total=7.0, minimum=7.0, maximum=7.0, first=7.0, last=7.0)
    first, _ = group((member("a"), [full(2.0), full(2.0)]), (member("b"), [lone, full(2.0)]))
    assert (first.aggregates[ENERGY], first.aggregates[MAX], first.actual) == (2.0, 9.0, 5)
    assert (first.coverage, first.missing_sensors) == (0.5, [])


def test_export_counts_below_zero() -> None:
    solar = member("solar", direction=Direction.EXPORT)
    first, second = group(
        (solar, [full(5.0, low=2.0, high=8.0), full(0.0)]), (member("a"), [full(1.0), full(0.0)])
    )
    assert (first.aggregates[ENERGY], first.aggregates[MEAN]) == (-4.0, -4.0)
    # The least that flows in is the most that flows out.
    assert (first.aggregates[MIN], first.aggregates[MAX]) == (-7.0, -1.0)
    (alone, _) = group((solar, [full(5.0, low=2.0, high=8.0), full(0.0)]))
    assert [alone.aggregates[one] for one in (MIN, MEAN, MAX)] == [-8.0, -5.0, -2.0]
    assert str(second.aggregates[ENERGY]) == str(second.aggregates[MEAN]) == "0.0"


def test_everything_else_is_averaged_over_those_that_have_data() -> None:
    rooms = [temperature("a"), temperature("b"), temperature("dead")]
    first, _ = group(*((one, [full(v), full(v)]) for one, v in zip(rooms, (18.0, 22.0), strict=False)),
                     (rooms[2], [Total(), Total()]))  # fmt: skip
    assert (first.aggregates[MEAN], first.aggregates[MAX]) == (20.0, 20.0)
    assert (first.aggregates[Aggregate.COUNT], first.aggregates[ENERGY]) == (8, None)
    assert first.coverage == pytest.approx(2 / 3)
    assert first.missing_sensors == ["dead"]
    humid = member("h", quantity=Quantity.HUMIDITY, unit="percent")
    (one, _) = group((humid, [full(40.0), full(40.0)]))
    assert one.aggregates[MEAN] == 40.0


def test_figures_are_in_the_unit_asked_for_offsets_included() -> None:
    fahrenheit = UNITS.conversion("degF", Quantity.TEMPERATURE)
    members = [(temperature("a"), [full(0.0), full(0.0)]), (temperature("b"), [full(100.0), full(100.0)])]
    first, _ = group(*members, conversion=fahrenheit)
    assert first.aggregates[MEAN] == pytest.approx(122.0)
    # Four readings each: 4 x 32 and 4 x 212, averaged.
    assert first.aggregates[Aggregate.SUM] == pytest.approx((128 + 848) / 2)


def test_expected_is_unknown_where_one_member_promises_nothing() -> None:
    first, _ = group((member("a"), [full(1.0)] * 2), (member("b", resolution=None), [full(1.0)] * 2))
    assert (first.expected, first.actual) == (None, 8)


def test_registers_and_amounts_have_only_energy_and_count_in_common() -> None:
    energy: dict[str, object] = {"quantity": Quantity.ENERGY, "unit": "kWh"}
    register = member("r", accumulation=Accumulation.CUMULATIVE, **energy)
    delta = member("d", accumulation=Accumulation.DELTA, **energy)
    first, _ = group((register, [full(2.0)] * 2), (delta, [full(3.0)] * 2))
    assert (first.aggregates[ENERGY], first.aggregates[Aggregate.COUNT]) == (5.0, 8)
    assert [first.aggregates[one] for one in (MEAN, MIN, Aggregate.SUM, Aggregate.LAST)] == [None] * 4


def test_powers_of_both_kinds_add_up() -> None:
    state = member("s", accumulation=Accumulation.INSTANTANEOUS)
    first, _ = group((state, [full(2.0)] * 2), (member("m"), [full(3.0)] * 2))
    assert first.aggregates[MEAN] == 5.0


def test_what_cannot_be_answered_any_more_says_why() -> None:
    first, second = group((member("a"), [Total(), full(1.0)]), gone=frozenset({0}))
    assert (first.reason, first.aggregates[ENERGY], second.reason) == ("beyond_retention", None, None)
