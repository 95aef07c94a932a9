"""Defining, changing, finding and deleting sensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.sensors.errors import meaning_is_fixed, sensor_has_readings, unknown_sensor
from domain.sensors.events import RoomCreated, SensorChanged, SensorCreated, SensorDeleted
from domain.sensors.model import (
    Reading,
    Revision,
    Sensor,
    SensorDefinition,
    SensorId,
    Staleness,
    staleness,
)
from domain.sensors.ports import (
    SensorFilter,
    SensorSort,
    SensorState,
    SensorsTransaction,
    SensorsUnitOfWork,
    UnitCatalog,
)
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.definition import canonical_unit_of
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.quantities import Accumulation, Quantity

_MEANING = ("accumulation", "quantity", "unit")
_DECIDES_ENERGY = frozenset({*_MEANING, "resolution", "max_gap", "rollover_at", "max_power_kw"})
"""What the sums of readings depend on."""

_DECIDES_LIMITS = frozenset({"quantity", "unit", "max_value", "device_id"})
"""What of a power sensor the sums of its device's registers depend on."""


@dataclass(frozen=True, slots=True)
class SensorView:
    """A sensor with its newest reading and how old that is."""

    sensor: Sensor
    latest: Reading | None
    staleness: Staleness
    age: timedelta | None


def view(state: SensorState, now: datetime) -> SensorView:
    """Return the sensor as it stands now."""
    age = None if state.latest is None else now - state.latest.time
    return SensorView(state.sensor, state.latest, staleness(state.sensor, state.latest, now), age)


class Sensors:
    """The use cases around one sensor and lists of them."""

    def __init__(
        self, uow: SensorsUnitOfWork, catalog: SensorCatalog, units: UnitCatalog, clock: Clock, ids: IdFactory
    ) -> None:
        self._uow = uow
        self._catalog = catalog
        self._units = units
        self._clock = clock
        self._ids = ids

    async def create(self, definition: SensorDefinition, actor: Actor) -> SensorView:
        """Define a sensor; its room comes into being with it.

        Raises:
            InvalidError: each fault of the definition, by JSON pointer.
            ConflictError: ``sensor_exists``.

        """
        conversion, canonical_unit = canonical_unit_of(definition, self._units)
        now = self._clock.now()
        async with self._uow.begin() as tx:
            await self._mention_room(tx, definition, actor)
            sensor = await tx.sensors.add(definition, conversion, canonical_unit, now)
            await self._limits_changed(tx, definition)
            tx.events.add(
                SensorCreated(
                    event_id=EventId(self._ids.new()),
                    occurred_at=now,
                    actor=actor,
                    sensor_id=sensor.sensor_id,
                    key=sensor.key,
                )
            )
        return view(SensorState(sensor, None), now)

    async def get(self, wanted: SensorId) -> SensorView:
        """Return the sensor, or raise `NotFoundError` (``unknown_sensor``)."""
        async with self._uow.begin() as tx:
            sensor = await self._known(tx, wanted)
            latest = await tx.readings.latest([sensor.key])
        return view(SensorState(sensor, latest.get(sensor.key)), self._clock.now())

    async def list(
        self, where: SensorFilter, *, limit: int, offset: int, sort: SensorSort, descending: bool
    ) -> tuple[Sequence[SensorView], int]:
        """Return a page of the sensors that match, and the number of all that do."""
        now = self._clock.now()
        async with self._uow.begin() as tx:
            states, total = await tx.sensors.list(
                where, now=now, limit=limit, offset=offset, sort=sort, descending=descending
            )
        return [view(state, now) for state in states], total

    async def change(self, wanted: SensorId, changes: Mapping[str, object], actor: Actor) -> SensorView:
        """Change the named fields of a sensor's definition; all others stay.

        Raises:
            InvalidError: each fault of the new definition, by JSON pointer.
            NotFoundError: ``unknown_sensor``.
            ConflictError: ``sensor_has_readings``, where what they mean would change.

        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            before = await self._known(tx, wanted)
            latest = (await tx.readings.latest([before.key])).get(before.key)
            definition = replace(before.definition, **changes)  # type: ignore[arg-type]  # fields by name
            conversion, canonical_unit = canonical_unit_of(definition, self._units)
            changed = tuple(name for name in changes if getattr(before.definition, name) != changes[name])
            if not changed:
                return view(SensorState(before, latest), now)
            fixed = [name for name in _MEANING if name in changed]
            if fixed and await tx.readings.any(before.key):
                raise meaning_is_fixed(wanted, " and ".join(fixed))
            await self._mention_room(tx, definition, actor)
            sensor = replace(
                before,
                version=before.version + 1,
                definition=definition,
                conversion=conversion,
                canonical_unit=canonical_unit,
                updated_at=now,
            )
            await tx.sensors.replace(sensor)
            if _DECIDES_ENERGY.intersection(changed):
                await tx.rollups.mark_all(sensor.key)
            if _DECIDES_LIMITS.intersection(changed):
                await self._limits_changed(tx, before.definition)
                await self._limits_changed(tx, definition)
                if definition.device_id != before.definition.device_id:
                    await tx.rollups.mark_all(sensor.key)
            tx.events.add(
                SensorChanged(
                    event_id=EventId(self._ids.new()),
                    occurred_at=now,
                    actor=actor,
                    sensor_id=wanted,
                    key=sensor.key,
                    changed=changed,
                )
            )
        self._catalog.forget([wanted])
        return view(SensorState(sensor, latest), now)

    async def delete(self, wanted: SensorId, actor: Actor, *, purge: bool) -> None:
        """Delete the sensor; with ``purge`` its readings too.

        Raises:
            NotFoundError: ``unknown_sensor``.
            ConflictError: ``sensor_has_readings``, without ``purge``.

        """
        async with self._uow.begin() as tx:
            sensor = await self._known(tx, wanted)
            if not purge and await tx.readings.any(sensor.key):
                raise sensor_has_readings(wanted)
            # The sensor goes first: from then on no writer can add what would be left behind.
            await tx.sensors.delete(sensor.key)
            await tx.readings.delete(sensor.key)
            await tx.rollups.delete(sensor.key)
            await self._limits_changed(tx, sensor.definition)
            tx.events.add(
                SensorDeleted(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    sensor_id=sensor.sensor_id,
                    key=sensor.key,
                    purged=purge,
                )
            )
        self._catalog.forget([wanted])

    async def revisions(self, wanted: SensorId, limit: int, offset: int) -> tuple[Sequence[Revision], int]:
        """Return a page of the values that later ones replaced, or raise `NotFoundError`."""
        async with self._uow.begin() as tx:
            sensor = await self._known(tx, wanted)
            found, total = await tx.readings.revisions(sensor.key, limit, offset)
        return found, total

    async def _known(self, tx: SensorsTransaction, wanted: SensorId) -> Sensor:
        sensor = (await tx.sensors.find([wanted])).get(wanted)
        if sensor is None:
            raise unknown_sensor(wanted)
        return sensor

    async def _limits_changed(self, tx: SensorsTransaction, definition: SensorDefinition) -> None:
        """Have the registers of a power sensor's device summed up anew: it says how steep they may be."""
        if (
            definition.quantity is not Quantity.POWER
            or definition.max_value is None
            or definition.device_id is None
        ):
            return
        states, _ = await tx.sensors.list(
            SensorFilter(device_id=definition.device_id), now=self._clock.now(), limit=1000, offset=0
        )
        for state in states:
            if state.sensor.definition.accumulation is Accumulation.CUMULATIVE:
                await tx.rollups.mark_all(state.sensor.key)

    async def _mention_room(self, tx: SensorsTransaction, definition: SensorDefinition, actor: Actor) -> None:
        if definition.room_name is not None and await tx.rooms.mention(definition.room_name):
            tx.events.add(
                RoomCreated(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    room_name=definition.room_name,
                )
            )
