"""Readings of one sensor in calendar buckets."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.sensors.errors import unknown_sensor
from domain.sensors.model import SensorId
from domain.sensors.ports import SensorsUnitOfWork, UnitCatalog
from domain.sensors.services.buckets import (
    SETTLED_AFTER,
    Aggregate,
    BucketSeries,
    edges_of,
    sensor_buckets,
)
from domain.sensors.services.conversions import conversion_to
from domain.sensors.services.filling import Fill, filled
from domain.sensors.services.totals import read_totals
from domain.shared.periods import Period
from domain.shared.ports import Clock


class BucketReadings:
    """Sums readings up by calendar buckets. BAD readings count for nothing."""

    def __init__(self, uow: SensorsUnitOfWork, units: UnitCatalog, clock: Clock, zone: ZoneInfo) -> None:
        self._uow = uow
        self._units = units
        self._clock = clock
        self._zone = zone

    async def of(
        self,
        wanted: SensorId,
        start: datetime,
        end: datetime,
        resolution: Period,
        *,
        zone: ZoneInfo | None = None,
        unit: str | None = None,
        fill: Fill = Fill.NONE,
        aggregates: Collection[Aggregate] = tuple(Aggregate),
    ) -> BucketSeries:
        """Return the buckets of the zone that cover ``[start, end)``; the outer ones end there.

        Raises:
            NotFoundError: ``unknown_sensor``.
            InvalidError: ``end_before_start``, ``too_many_buckets``, ``invalid_resolution``,
                ``unit_mismatch``.

        """
        zone = zone or self._zone
        edges = edges_of(start, end, resolution, zone)
        async with self._uow.snapshot() as tx:
            sensor = (await tx.sensors.find([wanted])).get(wanted)
            if sensor is None:
                raise unknown_sensor(wanted)
            found = (await read_totals(tx, [sensor], edges))[sensor.key]
        conversion = conversion_to(self._units, unit, sensor)
        now = self._clock.now()
        buckets = sensor_buckets(found, edges, sensor, zone, now - SETTLED_AFTER, conversion, aggregates)
        return BucketSeries(unit or sensor.canonical_unit, filled(buckets, fill, now))
