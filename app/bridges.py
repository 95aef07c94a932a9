"""Where modules meet: ports that one module owns, over the use cases of another."""

import logging
from typing import Final

from app.overview import SiteEnergy
from domain.ingestion.model import ReadingBatch, RefusedReading, SensorRegistration, WriteOutcome
from domain.ingestion.ports import ReadingSink
from domain.operations.overview import Figure
from domain.sensors.model import DeviceId, RoomName, SensorDefinition, SensorId, Source
from domain.sensors.services.checking import Submission
from domain.sensors.services.energy import Energy
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.errors import ConflictError, InvalidError
from domain.shared.events import SYSTEM

_LOG: Final = logging.getLogger(__name__)
_POLLER: Final = Source("poller")


class SensorsReadingSink(ReadingSink):
    """Ingestion's readings into the sensors module, which meets each sensor for the first time here."""

    def __init__(self, sensors: Sensors, readings: WriteReadings) -> None:
        self._sensors = sensors
        self._readings = readings
        self._met: set[str] = set()

    async def write(self, batch: ReadingBatch) -> WriteOutcome:
        units: dict[str, str] = {}
        for registration in batch.registrations:
            units[registration.sensor_id] = registration.unit
            if registration.sensor_id not in self._met:
                await self._meet(registration)
        receipt = await self._readings.write(
            Submission(
                sensor_ids=batch.sensor_ids,
                times_us=batch.times_us,
                values=batch.values,
                units=[units[sensor_id] for sensor_id in batch.sensor_ids],
            ),
            _POLLER,
        )
        # A sensor that was deleted comes back with its next reading, as long as its device is configured.
        self._met -= {one.sensor_id for one in receipt.errors if one.code == "unknown_sensor"}
        return WriteOutcome(
            created=receipt.created,
            updated=receipt.updated,
            unchanged=receipt.unchanged,
            rejected=receipt.rejected,
            refused=[
                RefusedReading(one.index, batch.sensor_ids[one.index], one.code, one.detail)
                for one in receipt.errors
            ],
        )

    async def _meet(self, registration: SensorRegistration) -> None:
        try:
            await self._sensors.create(definition_of(registration), SYSTEM)
        except ConflictError:
            pass  # it is there, and may have been changed by people since
        except InvalidError as error:
            _LOG.warning("sensor %s cannot be registered: %s", registration.sensor_id, error.detail)
            return
        self._met.add(registration.sensor_id)


class SensorsSiteEnergy(SiteEnergy):
    """Power and energy of the site by the sensors module."""

    def __init__(self, energy: Energy) -> None:
        self._energy = energy

    async def power_now_kw(self) -> Figure:
        found = await self._energy.power_now()
        return Figure(found.value, found.coverage, found.quality)

    async def energy_today_kwh(self) -> Figure:
        found = await self._energy.today()
        return Figure(found.value, found.coverage, found.quality)


def definition_of(registration: SensorRegistration) -> SensorDefinition:
    """Return what the configuration says of a sensor in the sensors module's words."""
    return SensorDefinition(
        sensor_id=SensorId(registration.sensor_id),
        name=registration.name,
        quantity=registration.quantity,
        unit=registration.unit,
        accumulation=registration.accumulation,
        room_name=None if registration.room_name is None else RoomName(registration.room_name),
        device_id=DeviceId(registration.device_id),
        resolution=registration.resolution,
        max_gap=registration.max_gap,
        rollover_at=registration.rollover_at,
        max_power_kw=registration.max_power_kw,
        direction=registration.direction,
        submeter_of=None if registration.submeter_of is None else SensorId(registration.submeter_of),
        counts=registration.counts,
        min_value=registration.min_value,
        max_value=registration.max_value,
        labels=registration.labels,
    )
