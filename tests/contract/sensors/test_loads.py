"""The load that sensors measure, whatever they measure it by."""

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import RandomIds
from domain.sensors.model import QualityCode, SensorId, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.checking import Submission
from domain.sensors.services.loads import Loads
from domain.sensors.services.rollups import Rollups
from domain.shared.errors import InvalidError
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity
from domain.shared.time import to_microseconds
from tests.unit.sensors.samples import ME, NOW, World, definition, world

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
START = NOW - 4 * HOUR
AN_HOUR = START, START + HOUR


@pytest.fixture
def w(uow: SensorsUnitOfWork) -> World:
    return world(uow)


@pytest.fixture
def loads(w: World) -> Loads:
    return Loads(w.uow, w.clock)


async def put(
    w: World,
    sensor_id: str,
    values: dict[timedelta, float],
    *,
    qualities: list[QualityCode | None] | None = None,
    **more: object,
) -> SensorId:
    await w.sensors.create(definition(sensor_id, **more), ME)  # type: ignore[arg-type]  # fields by name
    times = [to_microseconds(START + after) for after in values]
    submission = Submission(
        sensor_ids=[sensor_id] * len(times),
        times_us=times,
        values=list(values.values()),
        qualities=qualities,
    )
    receipt = await w.write.write(submission, Source("test"))
    assert receipt.rejected == 0
    return SensorId(sensor_id)


def every(step: timedelta, values: list[float]) -> dict[timedelta, float]:
    return {number * step: value for number, value in enumerate(values)}


async def means(
    loads: Loads, sensor_id: str, resolution: timedelta = QUARTER
) -> list[tuple[float, float, str]]:
    found = await loads.means([SensorId(sensor_id)], *AN_HOUR, resolution)
    return [(round(one.mean_kw, 9), one.coverage, one.quality) for one in found[SensorId(sensor_id)]]


async def test_momentary_power_is_weighted_by_time(w: World, loads: Loads) -> None:
    await put(w, "p", every(5 * MINUTE, [0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]))
    assert await means(loads, "p") == [(2.5, 1, "OK"), (3, 1, "OK"), (3, 1, "OK"), (3, 1, "OK")]


async def test_mean_power_is_taken_as_it_is(w: World, loads: Loads) -> None:
    values = every(QUARTER, [1, 2, 3, 4])
    await put(w, "p", values, accumulation=Accumulation.MEAN, resolution=QUARTER)
    assert [kw for kw, _, _ in await means(loads, "p")] == [1, 2, 3, 4]
    assert [kw for kw, _, _ in await means(loads, "p", HOUR)] == [2.5]


async def test_power_follows_from_amounts_of_energy(w: World, loads: Loads) -> None:
    values = every(QUARTER, [0.25, 0.5, 0.75, 1])
    await put(
        w,
        "e",
        values,
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.DELTA,
        resolution=QUARTER,
    )
    assert [kw for kw, _, _ in await means(loads, "e")] == [1, 2, 3, 4]


async def test_power_follows_from_a_register(w: World, loads: Loads) -> None:
    values = every(5 * MINUTE, [100 + number * 0.25 for number in range(13)])
    await put(
        w,
        "e",
        values,
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.CUMULATIVE,
        resolution=5 * MINUTE,
    )
    assert await means(loads, "e") == [(3, 1, "OK")] * 4


async def test_what_is_fed_in_is_negative(w: World, loads: Loads) -> None:
    await put(w, "pv", every(5 * MINUTE, [2] * 13), direction=Direction.EXPORT)
    assert {kw for kw, _, _ in await means(loads, "pv")} == {-2}
    newest = (await loads.newest([SensorId("pv")]))[SensorId("pv")]
    assert newest.kw == -2


async def test_intervals_are_counted_from_the_start_and_the_last_one_is_whole(w: World, loads: Loads) -> None:
    await put(w, "p", every(MINUTE, [1.0] * 7 + [5.0] * 54))
    odd = START + 7 * MINUTE
    found = await loads.means([SensorId("p")], odd, odd + 20 * MINUTE, QUARTER)
    assert [one.start for one in found[SensorId("p")]] == [odd, odd + QUARTER]
    assert [one.mean_kw for one in found[SensorId("p")]] == pytest.approx([5, 5])


async def test_what_is_not_covered_says_so_and_what_is_not_known_is_left_out(w: World, loads: Loads) -> None:
    values = every(MINUTE, [2] * 11)
    await put(w, "p", values, max_gap=MINUTE)
    ((kw, coverage, quality),) = await means(loads, "p")
    assert (kw, quality) == (2, "ESTIMATED")
    assert coverage == pytest.approx(10 / 15)


async def test_bad_readings_do_not_count(w: World, loads: Loads) -> None:
    values = {timedelta(): 1.0, MINUTE: 1.0, 2 * MINUTE: 99.0}
    qualities = [None, None, QualityCode.BAD]
    p = await put(w, "p", values, qualities=qualities, resolution=MINUTE)
    newest = (await loads.newest([p]))[p]
    assert (newest.time, newest.kw, newest.quality) == (START + MINUTE, 1, Quality.OK)


async def test_summaries_and_readings_tell_the_same(w: World, loads: Loads) -> None:
    await put(w, "p", every(MINUTE, [(number * 7919 % 100) / 10 for number in range(200)]))
    before = [await means(loads, "p", resolution) for resolution in (MINUTE, QUARTER, HOUR)]
    await Rollups(w.uow, w.clock, RandomIds()).refresh()
    assert [await means(loads, "p", resolution) for resolution in (MINUTE, QUARTER, HOUR)] == before


async def test_only_loads_that_exist_are_known(w: World, loads: Loads) -> None:
    await put(w, "p", {})
    await put(w, "t", {}, quantity=Quantity.TEMPERATURE, unit="degC")
    await put(w, "stored", {}, quantity=Quantity.ENERGY, unit="kWh")
    asked = [SensorId(one) for one in ("p", "t", "stored", "nobody")]
    assert await loads.known(asked) == {"p"}
    assert (await loads.means(asked, *AN_HOUR, QUARTER)).keys() == {"p"}
    assert (await loads.newest(asked)).keys() == {"p"}


async def test_the_newest_of_a_momentary_value(w: World, loads: Loads) -> None:
    p = await put(w, "p", every(MINUTE, [1, 2, 3]), resolution=MINUTE)
    newest = (await loads.newest([p]))[p]
    assert (newest.time, newest.kw, newest.span) == (START + 2 * MINUTE, 3, timedelta())
    assert (newest.interval, newest.max_gap) == (MINUTE, 3 * MINUTE)


async def test_the_newest_mean_says_of_which_time_it_is(w: World, loads: Loads) -> None:
    values = every(QUARTER, [0.25, 1])
    e = await put(
        w,
        "e",
        values,
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.DELTA,
        resolution=QUARTER,
    )
    newest = (await loads.newest([e]))[e]
    assert (newest.time, newest.span) == (START + QUARTER, QUARTER)
    assert newest.kw == pytest.approx(4)


async def test_the_newest_of_a_register_is_that_of_its_last_two_readings(w: World, loads: Loads) -> None:
    e = await put(
        w,
        "e",
        {timedelta(): 10.0, QUARTER: 10.5, 2 * QUARTER: 11.5},
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.CUMULATIVE,
        max_gap=HOUR,
    )
    newest = (await loads.newest([e]))[e]
    assert (newest.time, newest.span) == (START + QUARTER, QUARTER)
    assert newest.kw == pytest.approx(4)
    assert newest.interval == QUARTER


@pytest.mark.parametrize(
    "values", [{timedelta(): 10.0}, {timedelta(): 10.0, 3 * HOUR: 11.0}], ids=["one reading", "a long gap"]
)
async def test_of_a_register_that_says_too_little_no_power_is_known(
    w: World, loads: Loads, values: dict[timedelta, float]
) -> None:
    e = await put(
        w,
        "e",
        values,
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.CUMULATIVE,
        resolution=MINUTE,
    )
    newest = (await loads.newest([e]))[e]
    assert (newest.time, newest.kw, newest.quality) == (None, None, Quality.MISSING)


async def test_without_a_resolution_readings_say_how_often_they_come(w: World, loads: Loads) -> None:
    often = await put(w, "often", every(MINUTE, [1, 2]))
    rarely = await put(w, "rarely", {timedelta(): 1.0, 3 * HOUR: 2.0})
    never = await put(w, "never", {})
    newest = await loads.newest([often, rarely, never])
    assert newest[often].interval == MINUTE
    assert newest[rarely].interval == newest[never].interval == HOUR / 3
    assert newest[never].time is None


async def test_settled_once_an_hour_has_passed(w: World, loads: Loads) -> None:
    assert loads.settled(w.clock.now() - HOUR)
    assert not loads.settled(w.clock.now() - HOUR + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("start", "end", "resolution", "code"),
    [
        (NOW, NOW - HOUR, QUARTER, "end_before_start"),
        (NOW - HOUR, NOW, timedelta(), "invalid_resolution"),
        (datetime(1980, 1, 1, tzinfo=UTC), NOW, MINUTE, "too_many_buckets"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    loads: Loads, start: datetime, end: datetime, resolution: timedelta, code: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        await loads.means([], start, end, resolution)
    assert refused.value.code == code
