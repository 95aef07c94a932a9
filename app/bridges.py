"""Where modules meet: ports that one module owns, over the use cases of another."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from app.overview import IngestedFiles, SiteEnergy
from domain.ingestion.model import ChunkKey, ReadingBatch, RefusedReading, SensorRegistration, WriteOutcome
from domain.ingestion.ports import ReadingSink
from domain.ingestion.services.sources import Sources
from domain.operations.overview import Figure, IngestedFile
from domain.sensors.model import (
    MAX_GAP_RESOLUTIONS,
    DeviceId,
    Receipt,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    Source,
)
from domain.sensors.receipt_ports import ChunkName
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Submission
from domain.sensors.services.energy import Energy
from domain.sensors.services.previews import PreviewReadings
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.errors import ConflictError, InvalidError, NotFoundError, Problem
from domain.shared.events import SYSTEM
from domain.shared.periods import period_of

_LOG: Final = logging.getLogger(__name__)
_POLLER: Final = Source("poller")
_PREVIEW: Final = Source("preview")
_BUNDLES_COME_EVERY: Final = timedelta(days=3)
"""Chunks are of files, of which one comes a day or so: until the next, sensors are stale, but not silent."""


_RESOLUTION_LABEL: Final = "resolution"
_ASSUMED: Final = "assumed"
"""Says so of a sensor until a source tells how long its intervals are."""


class SensorsReadingSink(ReadingSink):
    """Ingestion's readings into the sensors module, which meets each sensor for the first time here."""

    def __init__(
        self, sensors: Sensors, readings: WriteReadings, previews: PreviewReadings, catalog: SensorCatalog
    ) -> None:
        self._sensors = sensors
        self._readings = readings
        self._previews = previews
        self._catalog = catalog

    async def write(self, batch: ReadingBatch) -> WriteOutcome:
        faults = await self._register(batch.registrations)
        return _outcome(batch, await self._readings.write(_submission(batch, faults), _POLLER))

    async def write_chunk(self, batch: ReadingBatch, chunk: ChunkKey) -> WriteOutcome:
        faults = await self._register(batch.registrations, in_bundles=True)
        receipt = await self._readings.write(
            _submission(batch, faults), Source(chunk.source), chunk=ChunkName(chunk.chunk)
        )
        return _outcome(batch, receipt)

    async def preview(self, batch: ReadingBatch) -> WriteOutcome:
        definitions = [definition_of(one) for one in batch.registrations]
        known = await self._catalog.resolve(one.sensor_id for one in batch.registrations)
        faults = _contradictions(batch.registrations, known)
        return _outcome(
            batch, await self._previews.preview(_submission(batch, faults), _PREVIEW, definitions)
        )

    async def _register(
        self, registrations: Sequence[SensorRegistration], *, in_bundles: bool = False
    ) -> dict[str, Problem]:
        """Register the sensors that do not exist; return why some take none of these readings.

        A sensor that was deleted comes back with its next reading, as long as something sends it.
        """
        known = await self._catalog.resolve(one.sensor_id for one in registrations)
        faults = _contradictions(registrations, known)
        for registration in registrations:
            sensor = known.get(registration.sensor_id)
            if sensor is not None:
                if _tells_resolution(registration, sensor.definition):
                    await self._set_resolution(registration, sensor.definition)
            else:
                definition = definition_of(registration)
                if in_bundles:
                    definition = _heard_in_bundles(definition)
                try:
                    await self._sensors.create(definition, SYSTEM)
                except ConflictError:
                    pass  # another has registered it at this moment
                except InvalidError as error:
                    fault = faults[registration.sensor_id] = error.problems[0]
                    _LOG.warning("sensor %s cannot be registered: %s", registration.sensor_id, fault.detail)
        return faults

    async def _set_resolution(self, registration: SensorRegistration, definition: SensorDefinition) -> None:
        labels = {key: value for key, value in definition.labels.items() if key != _RESOLUTION_LABEL}
        told = {"resolution": registration.resolution, "labels": labels}
        with suppress(NotFoundError):  # deleted at this moment: it comes back with the next reading
            await self._sensors.change(definition.sensor_id, told, SYSTEM)


def _contradictions(
    registrations: Sequence[SensorRegistration], known: Mapping[str, Sensor]
) -> dict[str, Problem]:
    """Return a fault for each sensor that means something else than the source says of its values."""
    faults: dict[str, Problem] = {}
    for one in registrations:
        sensor = known.get(one.sensor_id)
        if sensor is None or not one.stated:
            continue
        said, has = _meaning(definition_of(one)), _meaning(sensor.definition)
        for name in sorted(one.stated & has.keys()):
            if said[name] != has[name]:
                detail = f"the source says {name} {said[name]}, and the sensor has {has[name]}"
                faults[one.sensor_id] = Problem(f"/{name}", f"{name}_mismatch", detail)
    return faults


def _meaning(definition: SensorDefinition) -> dict[str, str]:
    """Return in words what values mean, as far as it is certain."""
    meaning = {"accumulation": definition.accumulation.value, "direction": definition.direction.value}
    if definition.resolution is not None and not _is_assumed(definition):
        meaning["resolution"] = str(period_of(definition.resolution))
    return meaning


def _is_assumed(definition: SensorDefinition) -> bool:
    return definition.labels.get(_RESOLUTION_LABEL) == _ASSUMED


def _tells_resolution(registration: SensorRegistration, definition: SensorDefinition) -> bool:
    return _is_assumed(definition) and not registration.resolution_is_assumed


def _submission(batch: ReadingBatch, faults: Mapping[str, Problem]) -> Submission:
    return Submission(
        sensor_ids=batch.sensor_ids,
        times_us=batch.times_us,
        values=batch.values,
        unit_of={one.sensor_id: one.unit for one in batch.registrations},
        sensor_faults=faults,
    )


def _outcome(batch: ReadingBatch, receipt: Receipt) -> WriteOutcome:
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


class IngestionFiles(IngestedFiles):
    """The meter files of the ingestion module."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def last(self) -> IngestedFile | None:
        file = await self._sources.last_file()
        if file is None:
            return None
        return IngestedFile(
            str(file.file_id), file.path, file.status.value, file.ended_at or file.discovered_at
        )


def _heard_in_bundles(definition: SensorDefinition) -> SensorDefinition:
    pause = MAX_GAP_RESOLUTIONS * (definition.resolution or timedelta(0))
    return replace(definition, no_data_after=max(_BUNDLES_COME_EVERY, definition.max_gap or pause))


def definition_of(registration: SensorRegistration) -> SensorDefinition:
    """Return what the configuration says of a sensor in the sensors module's words."""
    labels = dict(registration.labels)
    if registration.resolution_is_assumed:
        labels[_RESOLUTION_LABEL] = _ASSUMED
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
        labels=labels,
    )
