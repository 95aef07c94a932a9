"""The load that sensors measure: mean power in intervals of any length, and the newest power of each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from domain.sensors.linking import HOUR_US, Piece, last_link, linking
from domain.sensors.model import MAX_GAP_RESOLUTIONS, QualityCode, Sensor, SensorId, SensorKey
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.services.buckets import SETTLED_AFTER, energy_sign, quality_of, yields_energy
from domain.sensors.services.calendar import MAX_BUCKETS
from domain.sensors.services.grouping import check_work, portions
from domain.sensors.services.totals import read_totals
from domain.sensors.summaries import Summary
from domain.shared.errors import InvalidError
from domain.shared.ports import Clock
from domain.shared.quantities import Accumulation, Quality
from domain.shared.time import MICROSECOND, from_microseconds, to_microseconds

_MAY_BE_AHEAD: Final = timedelta(minutes=5)
"""So far ahead of the clock readings are taken."""


@dataclass(frozen=True, slots=True)
class MeanLoad:
    """The mean power (kW, generation negative) of an interval that starts at ``start``.

    ``coverage`` is the share of its time that readings account for; it is above 0.
    """

    start: datetime
    mean_kw: float
    coverage: float
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestLoad:
    """The newest power of a sensor in kW, and how often to expect one.

    ``time`` and ``kw`` are None where there is none. ``span`` is the time from ``time`` on that it is the
    mean of, zero for a momentary value.
    """

    time: datetime | None
    kw: float | None
    quality: Quality
    span: timedelta
    interval: timedelta
    max_gap: timedelta


class Loads:
    """Reads power, of sensors that measure it or energy that it follows from; BAD readings do not count."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def known(self, sensor_ids: Collection[SensorId]) -> frozenset[SensorId]:
        """Return those of the sensors that exist and measure a load."""
        async with self._uow.begin() as tx:
            return frozenset(one.sensor_id for one in await _loads(tx, sensor_ids))

    async def means(
        self, sensor_ids: Collection[SensorId], start: datetime, end: datetime, resolution: timedelta
    ) -> Mapping[SensorId, Sequence[MeanLoad]]:
        """Return the intervals of each sensor of which anything is known, counted from ``start`` on.

        The last one is whole. What does not exist, or measures no load, is left out.

        Raises:
            InvalidError: ``end_before_start``, ``invalid_resolution``, ``too_many_buckets``.

        """
        edges = _edges(start, end, resolution)
        async with self._uow.snapshot() as tx:
            sensors = await _loads(tx, sensor_ids)
            check_work(len(sensors) * len(edges))
            found: dict[SensorId, Sequence[MeanLoad]] = {}
            for some in portions(sensors, len(edges)):
                totals = await read_totals(tx, some, edges)
                for sensor in some:
                    sign = energy_sign(sensor)
                    lengths = [(after - before) // MICROSECOND for before, after in pairwise(edges)]
                    found[sensor.sensor_id] = [
                        MeanLoad(
                            at,
                            sign * total.amount * HOUR_US / total.covered_us + 0.0,
                            (coverage := total.covered_us / length_us),
                            quality_of(coverage, estimated=total.estimated),
                        )
                        for at, length_us, total in zip(
                            edges, lengths, totals[sensor.key].buckets, strict=False
                        )
                        if total.covered_us
                    ]
        return found

    def settled(self, end: datetime) -> bool:
        """Whether no data are awaited any more of what ended then."""
        return end + SETTLED_AFTER <= self._clock.now()

    async def newest(self, sensor_ids: Collection[SensorId]) -> Mapping[SensorId, NewestLoad]:
        """Return the newest load of each sensor that exists and measures one."""
        until_us = to_microseconds(self._clock.now() + _MAY_BE_AHEAD)
        async with self._uow.snapshot() as tx:
            sensors = await _loads(tx, sensor_ids)
            last = await _before(tx, [one.key for one in sensors], until_us)
            return {one.sensor_id: await _newest(tx, one, last.get(one.key)) for one in sensors}


async def _loads(tx: SensorsTransaction, sensor_ids: Collection[SensorId]) -> list[Sensor]:
    found = await tx.sensors.find(sensor_ids)
    return [found[one] for one in sorted(found) if yields_energy(found[one])]


async def _before(
    tx: SensorsTransaction, keys: Sequence[SensorKey], before_us: int
) -> Mapping[SensorKey, Summary]:
    found = await tx.rollups.neighbours(keys, before_us, before_us) if keys else {}
    return {key: one.before for key, one in found.items() if one.before is not None}


async def _newest(tx: SensorsTransaction, sensor: Sensor, last: Summary | None) -> NewestLoad:
    resolution = sensor.definition.resolution
    is_register = sensor.definition.accumulation is Accumulation.CUMULATIVE
    earlier = None
    if last is not None and (is_register or resolution is None):
        earlier = (await _before(tx, [sensor.key], last.last_us)).get(sensor.key)
    interval = resolution
    if interval is None and last is not None and earlier is not None:
        between = (last.last_us - earlier.last_us) * MICROSECOND
        interval = between if between <= sensor.effective_max_gap else None
    if interval is None:
        interval = sensor.effective_max_gap / MAX_GAP_RESOLUTIONS
    piece = None if last is None else _piece(sensor, earlier, last, interval)
    return NewestLoad(
        time=None if piece is None else from_microseconds(piece.start_us),
        kw=None if piece is None else energy_sign(sensor) * piece.end_rate + 0.0,
        quality=Quality.MISSING if piece is None else (Quality.ESTIMATED if piece.estimated else Quality.OK),
        span=timedelta() if piece is None else (piece.end_us - piece.start_us) * MICROSECOND,
        interval=interval,
        max_gap=sensor.effective_max_gap,
    )


def _piece(sensor: Sensor, earlier: Summary | None, last: Summary, interval: timedelta) -> Piece | None:
    """Return the time that the newest reading speaks of, with its rate; None where that cannot be told."""
    newest = last.last_us, last.last_value, last.last_quality
    guessed = last.last_quality == QualityCode.ESTIMATED
    match sensor.definition.accumulation:
        case Accumulation.INSTANTANEOUS:
            return Piece(last.last_us, last.last_us, last.last_value, last.last_value, guessed)
        case Accumulation.CUMULATIVE:
            if earlier is None:
                return None
            before = earlier.last_us, earlier.last_value, earlier.last_quality
            piece = linking(sensor)(*before, *newest)
            return piece if piece is not None and piece.counted and not piece.shapeless else None
        case Accumulation.MEAN | Accumulation.DELTA:
            found = last_link(sensor)(*newest)
            if found is not None:
                return found
            rate = last.last_value
            if sensor.definition.accumulation is Accumulation.DELTA:
                rate /= interval / timedelta(hours=1)
            return Piece(last.last_us, last.last_us + interval // MICROSECOND, rate, rate, guessed)


def _edges(start: datetime, end: datetime, resolution: timedelta) -> list[datetime]:
    if end < start:
        raise InvalidError("end_before_start", "end lies before start")
    if resolution <= timedelta():
        raise InvalidError("invalid_resolution", "an interval has to be longer than nothing")
    number = -((start - end) // resolution)
    if number > MAX_BUCKETS:
        raise InvalidError("too_many_buckets", f"one call answers {MAX_BUCKETS:,} intervals at most")
    first = start.astimezone(UTC)
    return [first + place * resolution for place in range(number + 1)]
