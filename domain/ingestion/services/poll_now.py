"""One poll because somebody asks for it."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.ingestion.errors import unknown_device
from domain.ingestion.held_device import HeldDevice, PollOutcome
from domain.ingestion.model import DeviceId, Fault, PolledValue, SensorId, ShardLease
from domain.ingestion.ports import IotConfigurationSource, ReadingSink
from domain.ingestion.reading_buffer import batch_of
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.saving import SavePolls


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value that was read, and whether it is stored now.

    Values with a store window are not: where this process polls the device they count in their window.
    """

    value: PolledValue
    stored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledNow:
    """What one poll gave: the values, or the fault."""

    device_id: DeviceId
    time: datetime
    latency_ms: float | None
    values: tuple[ShownValue, ...]
    fault: Fault | None


class PollNow:
    """Polls a configured device at once.

    Where this process polls it anyway, the poll counts like any other, in its state and its windows.
    Elsewhere (the command line, a process that only serves the API) the values without a store window
    are stored, and the device's state stays with the worker that polls it.
    """

    def __init__(
        self,
        configuration: IotConfigurationSource,
        fleet: Fleet,
        poll: PollDevice,
        save: SavePolls,
        sink: ReadingSink,
    ) -> None:
        self._configuration = configuration
        self._fleet = fleet
        self._poll = poll
        self._save = save
        self._sink = sink

    async def __call__(self, device_id: DeviceId) -> PolledNow:
        """Return the values read, or the device's fault.

        Raises:
            NotFoundError: ``unknown_device``.
            UnavailableError: the values cannot be stored now.

        """
        device = (await self._configuration.load()).devices.get(device_id)
        if device is None:
            raise unknown_device(device_id)
        held = self._fleet.get(device_id)
        # Just after a change the fleet may still have the device as it was.
        if held is not None and held.device == device:
            outcome = await self._poll(held)
            report = await self._save()
            return self._shown(held, outcome, saved=report.available)
        visitor = HeldDevice(device, ShardLease(shard=-1, fence=-1), None)
        outcome = await self._poll.look(visitor)
        if outcome.readings:
            written = await self._sink.write(batch_of(outcome.readings))
            for one in written.refused:
                visitor.stored(one.sensor_id, 0, Fault(one.code, one.detail), outcome.time)
        return self._shown(visitor, outcome, saved=True)

    def _shown(self, held: HeldDevice, outcome: PollOutcome, *, saved: bool) -> PolledNow:
        written = {reading.sensor.sensor_id for reading in outcome.readings}
        windowed = {value.sensor.sensor_id for value in held.device.values if value.sensor and value.window}
        refused: dict[SensorId, Fault] = {
            value.sensor_id: value.fault
            for value in held.state.last_values
            if value.sensor_id and value.fault
        }
        values = []
        for value in outcome.values:
            known = value.sensor_id is not None and value.sensor_id in written - windowed
            fault = value.fault or (refused.get(value.sensor_id) if value.sensor_id else None)
            values.append(ShownValue(replace(value, fault=fault), stored=saved and known and fault is None))
        return PolledNow(
            device_id=held.device.device_id,
            time=outcome.time,
            latency_ms=outcome.latency_ms,
            values=tuple(values),
            fault=outcome.fault,
        )
