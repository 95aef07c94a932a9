"""The figures of one room in one slot, from what its sensors gave."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isclose
from typing import Final

from domain.sensors.linking import HOUR_US
from domain.sensors.model import Comfort, Reading, Room, Sensor, SensorId, SensorKey
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.buckets import COVERED, energy_kwh
from domain.sensors.services.room_occupancy import estimated_people
from domain.sensors.services.sources import Parents, energy_sources, power_sources
from domain.sensors.summaries import Total
from domain.shared.quantities import Accumulation, Direction, Quality, Quantity
from domain.shared.time import MICROSECOND

_STATES: Final = frozenset({Accumulation.INSTANTANEOUS, Accumulation.MEAN})
_AVERAGED: Final = (Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.CO2, Quantity.OCCUPANCY)
_HOUR_SECONDS: Final = 3600.0
_DIGITS: Final = 1e-9
"""The last digits of a mean are noise."""


@dataclass(frozen=True, slots=True)
class RoomSources:
    """A room and those of its sensors that its metrics are made of; nothing is counted twice."""

    room: Room
    power: Sequence[Sensor]
    energy: Sequence[Sensor]
    averaged: Mapping[Quantity, Sequence[Sensor]]
    all: Sequence[Sensor]


def room_sources(room: Room, sensors: Sequence[Sensor], parents: Parents) -> RoomSources:
    """Choose among the sensors of a room."""
    power, energy = power_sources(sensors, parents), energy_sources(sensors, parents)
    averaged = {
        quantity: [one for one in sensors if one.definition.quantity is quantity] for quantity in _AVERAGED
    }
    chosen = [*power, *energy, *(one for members in averaged.values() for one in members)]
    return RoomSources(room, power, energy, averaged, list({one.key: one for one in chosen}.values()))


@dataclass(frozen=True, slots=True)
class Given:
    """What a sensor gave a slot; ``held`` is its last reading, where that is all there is of it yet."""

    total: Total
    held: float | None
    coverage: float

    def mean(self, sensor: Sensor) -> float | None:
        """Return the mean over the time that readings account for, else what is held."""
        if sensor.definition.accumulation in _STATES:
            covered_us = self.total.covered_us
            return self.total.amount * HOUR_US / covered_us if covered_us else self.held
        return self.total.total / self.total.count if self.total.count else None


def given(sensor: Sensor, total: Total, latest: Reading | None, start: datetime, end: datetime) -> Given:
    """Return what the sensor gave the slot.

    A state that no later reading follows yet holds for as long as the sensor may be silent.
    """
    held = None
    if (
        latest is not None
        and not total.covered_us
        and sensor.definition.accumulation in _STATES
        and latest.quality is not Quality.BAD
        and latest.time < end <= latest.time + sensor.effective_max_gap
    ):
        held = latest.value
    return Given(total, held, total.covered_us / ((end - start) // MICROSECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotInput:
    """A slot and what the sensors gave it; those that are missing here were not yet expected to.

    ``energy_kwh`` is what passed since local midnight, ``co2_before`` the mean of the slot before.
    """

    start: datetime
    end: datetime
    of_sensors: Mapping[SensorKey, Given]
    energy_kwh: float | None
    co2_before: float | None


def slot_metrics(sources: RoomSources, slot: SlotInput) -> RoomMetrics:
    """Return the metrics of the room in the slot."""
    there = slot.of_sensors
    means = {quantity: room_mean(members, there) for quantity, members in sources.averaged.items()}
    co2_given = [there[one.key] for one in sources.averaged[Quantity.CO2] if one.key in there]
    occupancy, estimated = _occupancy(sources, slot, means[Quantity.OCCUPANCY], means[Quantity.CO2])
    comfort, share = _comfort(sources, there, means)
    power = _sum(_signed(one, there[one.key].mean(one)) for one in sources.power if one.key in there)
    energy = _sum(energy_kwh(there[one.key].total, one) for one in sources.energy if one.key in there)
    known = [power, energy, *means.values()]
    return RoomMetrics(
        room_name=sources.room.room_name,
        start=slot.start,
        end=slot.end,
        power_kw=power,
        slot_energy_kwh=energy,
        energy_kwh=slot.energy_kwh,
        temperature=means[Quantity.TEMPERATURE],
        humidity=means[Quantity.HUMIDITY],
        co2=means[Quantity.CO2],
        co2_peak=_peak(co2_given, means[Quantity.CO2]),
        occupancy=occupancy,
        occupancy_estimated=estimated,
        comfort=comfort,
        comfort_share=share,
        coverage=_average(one.coverage for one in there.values()) or 0.0,
        quality=_quality(there.values(), known),
        missing_sensors=_missing(sources.all, there),
    )


def room_mean(sensors: Iterable[Sensor], there: Mapping[SensorKey, Given]) -> float | None:
    """Return the mean over the sensors that have data."""
    return _average(there[one.key].mean(one) for one in sensors if one.key in there)


def same_metrics(one: RoomMetrics, other: RoomMetrics) -> bool:
    """Whether two metrics of a room and slot say the same, but for the last digits of sums."""
    if one == other:
        return True
    for name in RoomMetrics.__slots__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, float) and isinstance(right, float):
            if not isclose(left, right, rel_tol=1e-9, abs_tol=1e-9):
                return False
        elif left != right:
            return False
    return True


def _signed(sensor: Sensor, value: float | None) -> float | None:
    if value is None or sensor.definition.direction is not Direction.EXPORT:
        return value
    return -value


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _peak(there: Iterable[Given], mean: float | None) -> float | None:
    """Return the highest reading; in a slot between two readings, the mean is what is known."""
    if mean is None:
        return None
    return max([mean, *(one.total.maximum for one in there if one.total.count)])


def _occupancy(
    sources: RoomSources, slot: SlotInput, counted: float | None, co2: float | None
) -> tuple[float | None, bool]:
    if sources.averaged[Quantity.OCCUPANCY]:
        return counted, False
    if co2 is None:
        return None, False
    hours = (slot.end - slot.start).total_seconds() / _HOUR_SECONDS
    change = None if slot.co2_before is None else (co2 - slot.co2_before) / hours
    people = estimated_people(sources.room, co2, change)
    return people, people is not None


def _comfort(
    sources: RoomSources, there: Mapping[SensorKey, Given], means: Mapping[Quantity, float | None]
) -> tuple[bool | None, float | None]:
    """Return whether the room is inside its band, and for which share of the time.

    One quantity outside is enough for no; yes needs all that the band speaks of. The share is that of the
    quantity which is inside for the shortest.
    """
    inside: list[bool | None] = []
    shares: list[float | None] = []
    for quantity, lowest, highest in _bounds(sources.room.comfort):
        mean = means[quantity]
        inside.append(None if mean is None else lowest - _DIGITS <= mean <= highest + _DIGITS)
        members = [(one, there[one.key]) for one in sources.averaged[quantity] if one.key in there]
        shares.append(_average(_share(one, found, lowest, highest) for one, found in members))
    if False in inside:
        comfort: bool | None = False
    else:
        comfort = None if None in inside or not inside else True
    known = [share for share in shares if share is not None]
    return comfort, min(known) if known and len(known) == len(shares) else None


def _bounds(band: Comfort | None) -> Iterable[tuple[Quantity, float, float]]:
    if band is None:
        return
    lowest, highest = band.temperature_min, band.temperature_max
    if lowest is not None or highest is not None:
        yield (
            Quantity.TEMPERATURE,
            float("-inf") if lowest is None else lowest,
            float("inf") if highest is None else highest,
        )
    if band.co2_max is not None:
        yield Quantity.CO2, float("-inf"), band.co2_max


def _share(sensor: Sensor, found: Given, lowest: float, highest: float) -> float | None:
    """Return the share of the time inside, as if the value moved evenly between its lowest and highest."""
    mean = found.mean(sensor)
    if mean is None:
        return None
    values = (found.total.minimum, found.total.maximum, mean) if found.total.count else (mean,)
    low, high = min(values), max(values)
    if high - low <= _DIGITS:
        return 1.0 if lowest - _DIGITS <= low and high <= highest + _DIGITS else 0.0
    return max(min(high, highest) - max(low, lowest), 0.0) / (high - low)


def _quality(there: Iterable[Given], known: Iterable[float | None]) -> Quality:
    if all(value is None for value in known):
        return Quality.MISSING
    short = any(one.total.estimated or one.coverage < COVERED for one in there)
    return Quality.ESTIMATED if short else Quality.OK


def _missing(sensors: Iterable[Sensor], there: Mapping[SensorKey, Given]) -> tuple[SensorId, ...]:
    """Return those that gave nothing; what was spread over an outage is something."""
    silent = {key for key, one in there.items() if not one.total.covered_us and one.held is None}
    return tuple(sorted(one.sensor_id for one in sensors if one.key in silent))
