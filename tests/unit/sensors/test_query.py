"""Many sensors in one call: every grouping over every mix of quantities."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from domain.sensors.model import RoomName, SensorId, Source
from domain.sensors.ports import SensorSelection
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.checking import Submission
from domain.sensors.services.filling import Fill
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.groups import GroupBucket
from domain.sensors.services.query import Query, QueryReadings, Series
from domain.shared.errors import InvalidError, NotFoundError
from domain.shared.periods import parse_period
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity
from domain.shared.time import to_microseconds
from tests.unit.sensors.samples import ME, UNITS, World, definition, world

LISBON = ZoneInfo("Europe/Lisbon")
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
START = datetime(2026, 2, 1, tzinfo=UTC)
MEAN, ENERGY, COUNT = Aggregate.MEAN, Aggregate.ENERGY, Aggregate.COUNT
ENERGY_OF: dict[str, object] = {"quantity": Quantity.ENERGY, "unit": "kWh", "resolution": QUARTER}


@pytest.fixture
async def w() -> World:
    """A site meter; below it an air conditioner and a strip; panels; and the air of two rooms."""
    found = world()
    found.clock.time = datetime(2026, 5, 1, tzinfo=UTC)
    mean: dict[str, object] = {"accumulation": Accumulation.MEAN, "resolution": QUARTER}
    air: dict[str, object] = {"quantity": Quantity.TEMPERATURE, "unit": "degC", **mean}
    await _add(found, "site", 10.0, accumulation=Accumulation.CUMULATIVE, device_id="site", **ENERGY_OF)
    await _add(found, "site.power", 10.0, device_id="site", room_name="cellar", **mean)
    below: dict[str, object] = {"submeter_of": "site", "room_name": "hall"}
    await _add(found, "ac.power", 4.0, device_id="ac", **below, **mean)
    await _add(found, "ac.energy", 4.0, accumulation=Accumulation.DELTA, device_id="ac", **below, **ENERGY_OF)
    await _add(found, "strip", 1.0, room_name="lab", submeter_of="site", **mean)
    await _add(found, "solar", 3.0, direction=Direction.EXPORT, labels={"kind": "solar"}, **mean)
    await _add(found, "air.hall", 20.0, room_name="hall", **air)
    await _add(found, "air.lab", 24.0, room_name="lab", **air)
    return found


async def _add(w: World, name: str, kilowatt: float, **more: object) -> None:
    """Add a sensor and two hours of readings as they are at so many kW (or °C)."""
    wanted = definition(name, **more)  # type: ignore[arg-type]  # fields by name
    await w.sensors.create(wanted, ME)
    values = [kilowatt] * 9
    if wanted.accumulation is Accumulation.CUMULATIVE:
        values = [kilowatt * number / 4 for number in range(9)]
    elif wanted.accumulation is Accumulation.DELTA:
        values = [kilowatt / 4] * 9
    await write(w, name, START, values)


async def write(w: World, name: str, start: datetime, values: Sequence[float]) -> None:
    times = [to_microseconds(start + number * QUARTER) for number in range(len(values))]
    await w.write.write(
        Submission(sensor_ids=[name] * len(values), times_us=times, values=list(values)), Source("s")
    )


async def ask(w: World, **more: object) -> list[Series]:
    where = {
        name: more.pop(name) for name in ("sensor_ids", "room_names", "quantities", "labels") if name in more
    }
    resolution = parse_period(str(more.pop("resolution", "PT1H")))
    fields = {"start": START, "end": START + 2 * HOUR, **more}
    query = Query(where=SensorSelection(**where), resolution=resolution, **fields)  # type: ignore[arg-type]  # fields by name
    return list(await QueryReadings(w.uow, UNITS, w.clock, LISBON).run(query))


def first(series: Sequence[Series], aggregate: Aggregate = ENERGY) -> dict[str | None, float | None]:
    found = {}
    for one in series:
        value = one.buckets[0].aggregates[aggregate]
        found[one.key] = None if value is None else round(value, 9)
    return found


async def test_each_sensor_for_itself(w: World) -> None:
    found = await ask(w)
    assert first(found) == {
        "ac.energy": 4.0, "ac.power": 4.0, "air.hall": None, "air.lab": None, "site": 10.0,
        "site.power": 10.0, "solar": -3.0, "strip": 1.0,
    }  # fmt: skip
    assert [one.unit for one in found] == ["kWh", "kW", "degC", "degC", "kWh", "kW", "kW", "kW"]
    assert all(len(one.buckets) == 2 and one.aggregates == tuple(Aggregate) for one in found)
    assert not any(isinstance(bucket, GroupBucket) for one in found for bucket in one.buckets)


async def test_the_site_counts_nothing_twice(w: World) -> None:
    (site,) = await ask(w, group_by=GroupBy.NONE, aggregates=(ENERGY,))
    assert (first([site]), site.unit, site.energy_unit) == ({"all": 7.0}, "kWh", "kWh")
    assert site.buckets[0].quality is Quality.OK
    (bucket, _) = site.buckets
    assert isinstance(bucket, GroupBucket)
    assert (bucket.coverage_min, list(bucket.missing_sensors), bucket.expected) == (1.0, [], 8)
    # Power and energy without a word on aggregates: energy is what they have in common.
    (same,) = await ask(w, group_by=GroupBy.NONE, quantities=(Quantity.POWER, Quantity.ENERGY))
    assert (first([same]), same.aggregates) == ({"all": 7.0}, (ENERGY,))


async def test_rooms_count_what_hangs_in_them(w: World) -> None:
    found = await ask(w, group_by=GroupBy.ROOM, aggregates=(ENERGY, COUNT))
    assert first(found) == {"cellar": 10.0, "hall": 4.0, "lab": 1.0, None: 7.0}
    assert [one.key for one in found] == ["cellar", "hall", "lab", None]
    assert first(found, COUNT)["hall"] == 4
    rooms = await ask(w, group_by=GroupBy.ROOM, quantities=(Quantity.TEMPERATURE,), aggregates=(MEAN,))
    assert first(rooms, MEAN) == {"hall": 20.0, "lab": 24.0}


async def test_quantities_for_themselves(w: World) -> None:
    found = await ask(w, group_by=GroupBy.QUANTITY)
    assert first(found, MEAN) == {"energy": 3.75, "power": 7.0, "temperature": 22.0}
    assert first(found) == {"energy": 10.0, "power": 7.0, "temperature": None}
    assert {one.key: one.unit for one in found} == {"energy": "kWh", "power": "kW", "temperature": "degC"}


async def test_a_sum_of_powers_knows_what_registers_say_of_parents(w: World) -> None:
    await _add(w, "pump.power", 2.0, device_id="pump", accumulation=Accumulation.MEAN, resolution=QUARTER)
    await _add(
        w,
        "pump",
        2.0,
        device_id="pump",
        accumulation=Accumulation.CUMULATIVE,
        submeter_of="site",
        **ENERGY_OF,
    )
    (power,) = await ask(w, group_by=GroupBy.NONE, quantities=(Quantity.POWER,), aggregates=(MEAN,))
    assert first([power], MEAN) == {"all": 7.0}


async def test_a_part_of_the_sensors(w: World) -> None:
    assert first(await ask(w, sensor_ids=(SensorId("strip"), SensorId("ac.power")))) == {
        "ac.power": 4.0,
        "strip": 1.0,
    }
    assert first(await ask(w, room_names=(RoomName("hall"),))) == {
        "ac.energy": 4.0,
        "ac.power": 4.0,
        "air.hall": None,
    }
    assert first(await ask(w, labels=(("kind", "solar"),))) == {"solar": -3.0}
    both = await ask(w, room_names=(RoomName("hall"),), quantities=(Quantity.POWER,), group_by=GroupBy.NONE)
    assert first(both) == {"all": 4.0}


@pytest.mark.parametrize("group_by", [GroupBy.NONE, GroupBy.ROOM])
@pytest.mark.parametrize("aggregates", [None, (MEAN, ENERGY)])
async def test_mixed_dimensions_have_no_sum(
    w: World, group_by: GroupBy, aggregates: tuple[Aggregate, ...] | None
) -> None:
    with pytest.raises(InvalidError) as refused:
        await ask(w, group_by=group_by, aggregates=aggregates)
    assert refused.value.code == "mixed_dimensions"
    assert refused.value.problems[0].pointer == "/group_by"


async def test_other_quantities_in_other_units_do_not_mix(w: World) -> None:
    other = Quantity.OTHER
    await w.sensors.create(definition("o1", quantity=other, unit="pieces"), ME)
    await w.sensors.create(definition("o2", quantity=other, unit="boxes"), ME)
    with pytest.raises(InvalidError, match="'boxes', 'pieces'"):
        await ask(w, quantities=(other,), group_by=GroupBy.QUANTITY)
    apart = await ask(w, quantities=(other,), unit="boxes", fill=Fill.NULL)
    assert {one.key: one.unit for one in apart} == {"o1": "pieces", "o2": "boxes"}
    with pytest.raises(InvalidError) as refused:
        await ask(w, quantities=(other,), unit="W")
    assert refused.value.code == "unit_mismatch"


async def test_every_grouping_of_every_mix_is_answered_or_refused(w: World) -> None:
    for group_by, quantities, aggregates, fill in product(
        GroupBy,
        [None, (), *((one,) for one in Quantity), (Quantity.POWER, Quantity.ENERGY)],
        [None, (MEAN,), (ENERGY,), (ENERGY, COUNT, ENERGY), tuple(Aggregate)],
        Fill,
    ):
        try:
            found = await ask(w, group_by=group_by, quantities=quantities, aggregates=aggregates, fill=fill)
        except InvalidError as refused:
            assert refused.code == "mixed_dimensions"  # noqa: PT017 - either is right
            assert group_by in {GroupBy.NONE, GroupBy.ROOM}
        else:
            for one in found:
                assert fill is Fill.NONE or len(one.buckets) == 2
                assert all(list(bucket.aggregates) == list(one.aggregates) for bucket in one.buckets)
                assert one.aggregates == tuple(dict.fromkeys(aggregates or one.aggregates))


async def test_units(w: World) -> None:
    found = await ask(w, unit="W", energy_unit="MJ", aggregates=(MEAN, ENERGY))
    assert first(found, MEAN)["strip"] == 1000.0
    assert first(found, MEAN)["air.lab"] == 24.0
    assert first(found)["strip"] == 3.6
    assert {one.key: one.unit for one in found}["strip"] == "W"
    assert {one.energy_unit for one in found} == {"MJ"}
    (air,) = await ask(
        w, unit="degF", group_by=GroupBy.NONE, quantities=(Quantity.TEMPERATURE,), aggregates=(MEAN,)
    )
    assert (first([air], MEAN), air.unit, air.energy_unit) == ({"all": 71.6}, "degF", None)


async def test_energy_alone_is_given_in_its_own_unit(w: World) -> None:
    (strip,) = await ask(w, sensor_ids=(SensorId("strip"),), aggregates=(ENERGY,), unit="W")
    assert (strip.unit, first([strip])) == ("kWh", {"strip": 1.0})
    (site,) = await ask(w, group_by=GroupBy.NONE, aggregates=(ENERGY,), energy_unit="Wh")
    assert (site.unit, first([site])) == ("Wh", {"all": 7000.0})


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"unit": "ppm"}, "/unit"),
        ({"unit": "Wh", "quantities": (Quantity.POWER,)}, "/unit"),
        ({"unit": "x" * 500}, "/unit"),
        ({"energy_unit": "kW"}, "/energy_unit"),
    ],
)
async def test_units_of_other_dimensions_are_refused(w: World, more: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidError) as refused:
        await ask(w, **more)
    assert (refused.value.code, refused.value.problems[0].pointer) == ("unit_mismatch", pointer)
    assert len(refused.value.detail) < 200


async def test_nothing_at_all_is_an_empty_answer(w: World) -> None:
    assert await ask(w, quantities=(Quantity.CO2,), unit="ppm") == []
    (none,) = await ask(w, quantities=(Quantity.CO2,), group_by=GroupBy.NONE, unit="ppm", fill=Fill.NULL)
    assert (none.key, none.unit) == ("all", "ppm")
    assert [(one.coverage, one.quality, one.aggregates[MEAN]) for one in none.buckets] == [
        (0.0, Quality.MISSING, None)
    ] * 2
    (empty,) = await ask(w, group_by=GroupBy.NONE, aggregates=(ENERGY,), end=START)
    assert empty.buckets == []
    (early,) = await ask(
        w, group_by=GroupBy.NONE, aggregates=(ENERGY,), start=START - 48 * HOUR, end=START - 47 * HOUR
    )
    assert early.buckets == []


async def test_what_is_not_there(w: World) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        await ask(w, sensor_ids=(SensorId("strip"), SensorId("nobody")))
    with pytest.raises(NotFoundError, match="attic"):
        await ask(w, room_names=(RoomName("attic"),))


async def test_sizes(w: World) -> None:
    long = {"end": START + timedelta(seconds=20_000), "resolution": "PT1S"}
    with pytest.raises(InvalidError, match="100,000 buckets at most, and this is 160,000") as refused:
        await ask(w, **long)
    assert refused.value.code == "too_many_buckets"
    (one,) = await ask(w, **long, group_by=GroupBy.NONE, aggregates=(ENERGY,), fill=Fill.NULL)
    assert len(one.buckets) == 20_000
    with pytest.raises(InvalidError, match="end lies before start"):
        await ask(w, end=START - HOUR)


async def test_the_edges_of_what_was_asked_cut_buckets_and_registers(w: World) -> None:
    register = definition(
        "r",
        quantity=Quantity.ENERGY,
        unit="kWh",
        accumulation=Accumulation.CUMULATIVE,
        resolution=QUARTER,
        max_gap=2 * HOUR,
    )
    await w.sensors.create(register, ME)
    for hours, value in ((0, 0.0), (4, 8.0)):
        await write(w, "r", START + hours * HOUR, [value])
    (cut,) = await ask(
        w, sensor_ids=(SensorId("r"),), start=START + 90 * timedelta(minutes=1), end=START + 3 * HOUR
    )
    assert [
        (bucket.end - bucket.start, bucket.aggregates[ENERGY], bucket.quality) for bucket in cut.buckets
    ] == [
        (HOUR / 2, 1.0, Quality.ESTIMATED),
        (HOUR, 2.0, Quality.ESTIMATED),
    ]
    (whole,) = await ask(w, sensor_ids=(SensorId("r"),), end=START + 4 * HOUR, resolution="P1D")
    assert [(one.aggregates[ENERGY], one.quality, one.coverage) for one in whole.buckets] == [
        (8.0, Quality.OK, 1.0)
    ]


async def test_a_bucket_that_still_runs_counts_its_whole_time(w: World) -> None:
    w.clock.time = START + 2 * HOUR
    (day,) = (await ask(w, sensor_ids=(SensorId("strip"),), end=START + 24 * HOUR, resolution="P1D"))[
        0
    ].buckets
    # The interval that began at 2:00 is promised, and counts.
    assert (day.coverage, day.settled, day.expected, day.quality) == (
        2.25 / 24,
        False,
        96,
        Quality.ESTIMATED,
    )
    (so_far,) = (await ask(w, sensor_ids=(SensorId("strip"),), resolution="P1D"))[0].buckets
    assert (so_far.coverage, so_far.quality, so_far.settled) == (1.0, Quality.OK, False)


async def test_filling_reaches_up_to_now(w: World) -> None:
    w.clock.time = START + 4 * HOUR + QUARTER
    (strip,) = await ask(
        w,
        sensor_ids=(SensorId("strip"),),
        end=START + 6 * HOUR,
        fill=Fill.PREVIOUS,
        aggregates=(MEAN, ENERGY),
    )
    assert [one.aggregates[MEAN] for one in strip.buckets] == [1.0, 1.0, 1.0, 1.0, 1.0, None]
    assert [one.aggregates[ENERGY] for one in strip.buckets] == [1.0, 1.0, 0.25, None, None, None]
    assert strip.buckets[3].quality is Quality.ESTIMATED


async def test_times_are_those_of_the_zone(w: World) -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    for group_by in (GroupBy.SENSOR, GroupBy.NONE):
        (one,) = await ask(
            w, sensor_ids=(SensorId("strip"),), zone=kathmandu, resolution="P1D", fill=Fill.NULL,
            start=START - 30 * HOUR, end=START + 30 * HOUR, group_by=group_by,
        )  # fmt: skip
        assert [bucket.start.isoformat() for bucket in one.buckets] == [
            "2026-01-30T23:45:00+05:45",
            "2026-01-31T00:00:00+05:45",
            "2026-02-01T00:00:00+05:45",
            "2026-02-02T00:00:00+05:45",
        ]


async def test_missing_members_are_named_in_order(w: World) -> None:
    for name, device in (("z", "d1"), ("b", "d2"), ("a", "d1")):
        await w.sensors.create(definition(name, device_id=device), ME)
    (site,) = await ask(w, group_by=GroupBy.NONE, aggregates=(ENERGY,))
    bucket: Bucket = site.buckets[0]
    assert isinstance(bucket, GroupBucket)
    assert bucket.missing_sensors == ["a", "b", "z"]
    assert bucket.coverage == pytest.approx(2 / 5)
    assert (bucket.aggregates[ENERGY], bucket.quality) == (7.0, Quality.ESTIMATED)


async def test_nothing_exported_is_a_plain_zero(w: World) -> None:
    await _add(
        w, "night", 0.0, direction=Direction.EXPORT, accumulation=Accumulation.MEAN, resolution=QUARTER
    )
    (night,) = await ask(w, sensor_ids=(SensorId("night"),))
    assert str(night.buckets[0].aggregates[ENERGY]) == "0.0"
