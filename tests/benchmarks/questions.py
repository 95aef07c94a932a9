"""The questions that reading is measured with: to the product, and the same in plain SQL over readings.

The SQL is what one would write by hand for the same figures: plain aggregates by `date_trunc` and, for
energy, `lead()` over each sensor's readings. The readings lie on whole minutes, so that no piece between two
of them straddles the border of a bucket; the SQL relies on that, the product does not.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dishka import AsyncContainer

from domain.sensors.ports import SensorSelection
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.energy import Energy, EnergyQuestion, EnergyReport
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.live import LiveReadings, Selection
from domain.sensors.services.query import Query, QueryReadings, Series
from domain.sensors.services.summary import Summarise
from domain.shared.periods import Period
from domain.shared.quantities import Quantity
from tests.benchmarks.site import Member

ZONE: Final = ZoneInfo("Europe/Lisbon")
HOUR: Final = Period(elapsed=timedelta(hours=1))
DAY: Final = Period(days=1)

Figures = Mapping[tuple[object, ...], Sequence[float]]
"""By what and when to the figures that both sides give."""

_AGGREGATES: Final = (Aggregate.COUNT, Aggregate.MIN, Aggregate.MAX, Aggregate.SUM)
_ADDED: Final = (Aggregate.COUNT, Aggregate.SUM)
# 2 is BAD.
_BUCKET: Final = "greatest(date_trunc(%(unit)s, time, %(zone)s), %(start)s)"
_OF_SENSORS: Final = f"""SELECT s.sensor_id, {_BUCKET} AS start,
  count(*), min(value), max(value), sum(value), avg(value), (array_agg(value ORDER BY time))[1],
  (array_agg(value ORDER BY time DESC))[1]
FROM sensors.readings JOIN sensors.sensors AS s ON s.key = sensor_key
WHERE sensor_key = ANY(%(keys)s) AND time >= %(start)s AND time < %(end)s AND quality <> 2
GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608 - constants
_OF_GROUPS: Final = """SELECT {key}, {bucket} AS start, count(*), sum(value)
FROM sensors.readings JOIN sensors.sensors AS s ON s.key = sensor_key
WHERE s.quantity = 'power' AND time >= %(start)s AND time < %(end)s AND quality <> 2
GROUP BY 1, 2 ORDER BY 1, 2"""
_ENERGY: Final = """SELECT 'all', {bucket} AS start, sum(
  CASE accumulation
    WHEN 'instantaneous' THEN
      CASE WHEN next_time - time <= 3 * resolution THEN (value + next_value) / 2 * hours END
    WHEN 'mean' THEN value * coalesce(least(hours, promised), promised)
    WHEN 'cumulative' THEN greatest(next_value - value, 0)
    WHEN 'delta' THEN value
  END)
FROM (
  SELECT *, extract(epoch FROM next_time - time)::float8 / 3600 AS hours,
    extract(epoch FROM resolution)::float8 / 3600 AS promised
  FROM (
    SELECT s.accumulation, s.resolution, time, value,
      lead(time) OVER by_sensor AS next_time, lead(value) OVER by_sensor AS next_value
    FROM sensors.readings JOIN sensors.sensors AS s ON s.key = sensor_key
    WHERE s.quantity IN ('power', 'energy') AND time >= %(start)s AND time < %(end)s AND quality <> 2
    WINDOW by_sensor AS (PARTITION BY sensor_key ORDER BY time)) AS pairs) AS pieces
GROUP BY 1, 2 ORDER BY 1, 2"""
# By quarter-hours, for the peak.
_SUMMARY: Final = f"""SELECT 'all', %(start)s, sum(energy), max(energy) * 4
FROM ({_ENERGY.format(bucket="date_bin('15 min', time, %(start)s)")})
  AS quarters (who, start, energy)"""  # noqa: S608 - constants
_LATEST: Final = """SELECT s.sensor_id, newest.time, newest.value FROM sensors.sensors AS s
CROSS JOIN LATERAL (SELECT time, value FROM sensors.readings
  WHERE sensor_key = s.key ORDER BY time DESC LIMIT 1) AS newest ORDER BY 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question: how the product is asked, the SQL over readings, and what has to be equal.

    ``of_product`` gives the figures to be compared, ``compared`` says how many of the SQL's there are.
    """

    name: str
    ask: Callable[[], Awaitable[Any]]
    of_product: Callable[[Any], Figures]
    sql: str
    parameters: Mapping[str, object]
    compared: int | None = None

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> Figures:
        """Return the figures of the SQL's answer."""
        return {(row[0], _utc(row[1])): [float(one) for one in row[2:][: self.compared]] for row in rows}


async def questions(
    container: AsyncContainer, members: Sequence[Member], longest: Member, start: datetime, end: datetime
) -> list[Question]:
    """Return the questions about a site with readings from ``start`` (``longest``) to ``end``."""
    buckets = await container.get(BucketReadings)
    query = await container.get(QueryReadings)
    energy = await container.get(Energy)
    summarise = await container.get(Summarise)
    live = await container.get(LiveReadings)
    day, month = max(start, end - timedelta(days=1)), max(start, end - timedelta(days=30))
    common: dict[str, object] = {"zone": ZONE.key, "end": end, "unit": "hour"}
    of_one = common | {"keys": [longest.key]}
    powers = SensorSelection(quantities=(Quantity.POWER,))

    def of_sensor(since: datetime) -> Callable[[], Awaitable[Any]]:
        return lambda: buckets.of(longest.sensor_id, since, end, HOUR, zone=ZONE)

    def of_many(
        where: SensorSelection, since: datetime, resolution: Period, group_by: GroupBy
    ) -> Callable[[], Awaitable[Any]]:
        asked = Query(where=where, start=since, end=end, resolution=resolution, group_by=group_by, zone=ZONE)
        return lambda: query.run(asked)

    def of_energy(since: datetime, resolution: Period) -> Callable[[], Awaitable[Any]]:
        asked = EnergyQuestion(start=since, end=end, resolution=resolution, zone=ZONE)
        return lambda: energy.report(asked)

    return [
        Question(
            name="one sensor, 30 days, hourly",
            ask=of_sensor(month),
            of_product=lambda found: _of_buckets(longest.sensor_id, found.buckets, _AGGREGATES),
            sql=_OF_SENSORS,
            parameters=of_one | {"start": month},
            compared=4,
        ),
        Question(
            name=f"one sensor, {(end - start).days} days of minutes, hourly",
            ask=of_sensor(start),
            of_product=lambda found: _of_buckets(longest.sensor_id, found.buckets, _AGGREGATES),
            sql=_OF_SENSORS,
            parameters=of_one | {"start": start},
            compared=4,
        ),
        Question(
            name=f"{len(members) + 1:,} sensors, one day, hourly",
            ask=of_many(SensorSelection(), day, HOUR, GroupBy.SENSOR),
            of_product=lambda found: _of_series(found, _AGGREGATES),
            sql=_OF_SENSORS,
            parameters=common | {"start": day, "keys": [longest.key, *(one.key for one in members)]},
            compared=4,
        ),
        Question(
            name="power by room, one day, hourly",
            ask=of_many(powers, day, HOUR, GroupBy.ROOM),
            of_product=lambda found: _of_series(found, _ADDED),
            sql=_OF_GROUPS.format(key="s.room_name", bucket=_BUCKET),
            parameters=common | {"start": day},
        ),
        Question(
            name="all power, the whole span, daily",
            ask=of_many(powers, start, DAY, GroupBy.NONE),
            of_product=lambda found: _of_series(found, _ADDED),
            sql=_OF_GROUPS.format(key="'all'", bucket=_BUCKET),
            parameters=common | {"start": start, "unit": "day"},
        ),
        Question(
            name="energy of the site, one day, hourly",
            ask=of_energy(day, HOUR),
            of_product=_of_report,
            sql=_ENERGY.format(bucket=_BUCKET),
            parameters=common | {"start": day},
        ),
        Question(
            name="energy of the site, the whole span, daily",
            ask=of_energy(start, DAY),
            of_product=_of_report,
            sql=_ENERGY.format(bucket=_BUCKET),
            parameters=common | {"start": start, "unit": "day"},
        ),
        Question(
            name="summary of one day",
            ask=lambda: summarise.of(day, end, ZONE),
            of_product=lambda found: {("all", _utc(day)): [found.energy_kwh or 0.0]},
            sql=_SUMMARY,
            parameters=common | {"start": day},
            compared=1,
        ),
        Question(
            name="newest values of all sensors",
            ask=lambda: live.snapshot(Selection()),
            of_product=lambda found: {(one.sensor_id, _utc(one.time)): [one.value] for one in found},
            sql=_LATEST,
            parameters={},
        ),
    ]


def _utc(time: datetime) -> datetime:
    """Return the time in UTC: in the hour that comes twice, times of other zones never equal it."""
    return time.astimezone(UTC)


def _of_buckets(key: object, buckets: Sequence[Bucket], aggregates: Sequence[Aggregate]) -> Figures:
    return {(key, _utc(one.start)): [one.aggregates[each] or 0.0 for each in aggregates] for one in buckets}


def _of_series(found: Sequence[Series], aggregates: Sequence[Aggregate]) -> Figures:
    return {
        place: figures
        for one in found
        for place, figures in _of_buckets(one.key, one.buckets, aggregates).items()
    }


def _of_report(found: EnergyReport) -> Figures:
    return {
        place: figures
        for one in found.series
        for place, figures in _of_buckets(one.key, one.buckets, (Aggregate.ENERGY,)).items()
        if any(figures)
    }
