"""Random histories of a sensor: readings in any order, corrections, sums made in between, and questions."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from math import fsum, isclose
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from adapters.memory.surroundings import MemoryClock
from adapters.units.pint_catalog import PintUnitCatalog
from app.clock import RandomIds
from domain.sensors.linking import HOUR_US
from domain.sensors.model import (
    QualityCode,
    ReadingBatch,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorRun,
    Source,
)
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.reference import pieces, tallies
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate, Bucket, quality_of
from domain.sensors.services.filling import Fill
from domain.sensors.services.rollups import Rollups
from domain.shared.periods import parse_period
from domain.shared.quantities import Accumulation, Direction, Quantity, UnitConversion
from domain.shared.time import from_microseconds, to_microseconds

MINUTE = timedelta(minutes=1)
DAYS = 4
_MINUTES = DAYS * 1440
_NUMBERS = count()
_UNITS = PintUnitCatalog()
_PLACES = [  # a zone, and a time in the days around which its clocks change, or do not
    ("UTC", datetime(2026, 1, 30, tzinfo=UTC)),
    ("Europe/Lisbon", datetime(2026, 3, 27, tzinfo=UTC)),
    ("Europe/Lisbon", datetime(2026, 10, 23, tzinfo=UTC)),
    ("America/Chicago", datetime(2026, 3, 6, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 10, 30, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 2, 27, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 2, tzinfo=UTC)),
]
_RESOLUTIONS = ["PT5M", "PT15M", "PT20M", "PT30M", "PT1H", "PT7H", "P1D", "P1W", "P1M", "P1Y"]
_QUALITIES = [QualityCode.OK] * 8 + [QualityCode.BAD, QualityCode.ESTIMATED]


@dataclass(frozen=True, slots=True)
class Write:
    """Minutes since the start, each with a value and a quality; then perhaps the sums are made."""

    rows: dict[int, tuple[float, QualityCode]]
    refresh: bool
    clock_at: int


@dataclass(frozen=True, slots=True)
class Question:
    start: int
    minutes: int
    resolution: str


@dataclass(frozen=True, slots=True)
class Scenario:
    accumulation: Accumulation
    more: dict[str, object]
    zone: ZoneInfo
    begin: datetime
    writes: list[Write]
    questions: list[Question]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    accumulation = draw(st.sampled_from(list(Accumulation)))
    zone, begin = draw(st.sampled_from(_PLACES))
    lengths = st.sampled_from([1, 5, 7, 15, 30, 60, 240, 1440])
    more: dict[str, object] = {
        "resolution": draw(st.none() | lengths.map(lambda n: n * MINUTE)),
        "max_gap": draw(st.none() | lengths.map(lambda n: n * MINUTE)),
        "direction": draw(st.sampled_from(list(Direction))),
    }
    if accumulation is Accumulation.CUMULATIVE:
        more["max_power_kw"] = draw(st.none() | st.floats(1, 1e4))
        more["rollover_at"] = draw(st.sampled_from([None, 1000.0]))
    values = st.floats(0, 1000) | st.sampled_from([0.0, 1.0, 5.0, 990.0, 999.0])
    rhythm = draw(st.sampled_from([1, 5, 15, 60]))
    minutes = st.integers(0, _MINUTES // rhythm).map(lambda n: n * rhythm) | st.integers(0, _MINUTES)
    stretch = st.builds(
        lambda start, length: range(start, start + length * rhythm, rhythm),
        minutes,
        st.integers(1, 60),
    )
    writes = [
        Write(
            {
                minute: (draw(values), draw(st.sampled_from(_QUALITIES)))
                for minute in (*draw(stretch), *draw(st.lists(minutes, max_size=5)))
            },
            draw(st.booleans()),
            draw(st.integers(0, 2 * _MINUTES)),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]
    questions = [
        Question(
            draw(st.sampled_from([0, -1440, 60, 615]) | st.integers(-1440, _MINUTES)),
            draw(st.sampled_from([1440, 2880, _MINUTES]) | st.integers(1, _MINUTES)),
            draw(st.sampled_from(_RESOLUTIONS)),
        )
        for _ in range(3)
    ]
    return Scenario(accumulation, more, ZoneInfo(zone), begin, writes, questions)


async def check(scenario: Scenario, uow: SensorsUnitOfWork) -> None:
    """Write, sum up, and compare every answer with the one from all readings by the plain rules."""
    clock = MemoryClock(scenario.begin)
    rollups = Rollups(uow, clock, RandomIds())
    buckets = BucketReadings(uow, _UNITS, clock, scenario.zone)
    sensor = await _sensor(scenario, uow)
    for number, write in enumerate(scenario.writes):
        async with uow.begin() as tx:
            await tx.readings.write(_batch(sensor, scenario.begin, write, number), overlapping=True)
        if write.refresh:
            clock.time = scenario.begin + write.clock_at * MINUTE
            await rollups.refresh()
        for question in scenario.questions:
            start = scenario.begin + question.start * MINUTE
            series = await buckets.of(
                sensor.sensor_id,
                start,
                start + question.minutes * MINUTE,
                parse_period(question.resolution),
                fill=Fill.NULL,
            )
            await _compare(series.buckets, sensor, uow)


async def _sensor(scenario: Scenario, uow: SensorsUnitOfWork) -> Sensor:
    states = scenario.accumulation in {Accumulation.INSTANTANEOUS, Accumulation.MEAN}
    sensor_id = f"scenario-{next(_NUMBERS)}"
    definition = SensorDefinition(
        sensor_id=SensorId(sensor_id),
        name=sensor_id,
        quantity=Quantity.POWER if states else Quantity.ENERGY,
        unit="kW" if states else "kWh",
        accumulation=scenario.accumulation,
        **scenario.more,  # type: ignore[arg-type]  # fields by name
    )
    async with uow.begin() as tx:
        return await tx.sensors.add(definition, UnitConversion(), definition.unit, scenario.begin)


def _batch(sensor: Sensor, begin: datetime, write: Write, number: int) -> ReadingBatch:
    rows = sorted(write.rows.items())
    return ReadingBatch(
        runs=[SensorRun(sensor.key, sensor.version, Source(f"source-{number}"), 0, len(rows))],
        times_us=array("q", [to_microseconds(begin + minute * MINUTE) for minute, _ in rows]),
        values=array("d", [value for _, (value, _) in rows]),
        qualities=array("b", [quality for _, (_, quality) in rows]),
    )


async def _compare(buckets: Sequence[Bucket], sensor: Sensor, uow: SensorsUnitOfWork) -> None:
    async with uow.begin() as tx:
        columns = await tx.readings.columns(
            sensor.key, from_microseconds(0), datetime(2027, 1, 1, tzinfo=UTC)
        )
    edges = [to_microseconds(one.start) for one in buckets] + [to_microseconds(buckets[-1].end)]
    rows = zip(columns.times_us, columns.values, columns.qualities, strict=True)
    good = [(time, value) for time, value, code in rows if code != QualityCode.BAD]
    for bucket, tally in zip(buckets, tallies(pieces(sensor, columns), edges), strict=True):
        start, end = to_microseconds(bucket.start), to_microseconds(bucket.end)
        values = [value for _, value in good[bisect_left(good, (start,)) : bisect_left(good, (end,))]]
        amount = -tally.amount if sensor.definition.direction is Direction.EXPORT else tally.amount
        coverage = tally.covered_us / (end - start)
        states = sensor.definition.quantity is Quantity.POWER
        mean = fsum(values) / len(values) if values else None
        if states:
            mean = tally.amount * HOUR_US / tally.covered_us if tally.covered_us else None
        assert bucket.quality is quality_of(coverage, estimated=tally.estimated)
        assert bucket.coverage == coverage
        assert bucket.actual == len(values)
        expected = {
            Aggregate.COUNT: len(values),
            Aggregate.MIN: min(values, default=None),
            Aggregate.MAX: max(values, default=None),
            Aggregate.FIRST: values[0] if values else None,
            Aggregate.LAST: values[-1] if values else None,
            Aggregate.SUM: fsum(values) if values else None,
            Aggregate.MEAN: mean,
            Aggregate.ENERGY: amount if tally.covered_us else None,
        }
        for aggregate, value in expected.items():
            found = bucket.aggregates[aggregate]
            assert found == value or (
                found is not None and value is not None and isclose(found, value, rel_tol=1e-9, abs_tol=1e-9)
            ), aggregate
