"""Saving what the polls gave: all readings in one batch, all changed states in one transaction."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.ingestion.events import DeviceStatusChanged
from domain.ingestion.model import DeviceState, DeviceStatus, Fault, FencedState, SensorId, WriteOutcome
from domain.ingestion.ports import IngestionUnitOfWork, ReadingSink
from domain.ingestion.reading_buffer import BufferedReading, ReadingBuffer, batch_of
from domain.ingestion.services.fleet import Fleet
from domain.shared.errors import DomainError, UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

_LOG: Final = logging.getLogger(__name__)
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What was saved, and what waits since storage was away."""

    stored: int
    waiting: int
    dropped: int
    available: bool


class SavePolls:
    """Meant to be called about once a second; calls that overlap wait for each other."""

    def __init__(
        self,
        fleet: Fleet,
        buffer: ReadingBuffer,
        sink: ReadingSink,
        uow: IngestionUnitOfWork,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._fleet = fleet
        self._buffer = buffer
        self._sink = sink
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._one_at_a_time = asyncio.Lock()
        self._failed_tries = 0

    async def __call__(self) -> SaveReport:
        """Close the windows whose time is over and save; while storage is away everything is kept."""
        async with self._one_at_a_time:
            now = self._clock.now()
            for held in self._fleet:
                for reading in held.close_windows(now):
                    self._buffer.add(reading)
            stored = 0
            try:
                while len(self._buffer):
                    stored += await self._write_batch()
                await self._save_states()
            except UnavailableError:
                return SaveReport(stored, len(self._buffer), self._buffer.dropped, available=False)
            return SaveReport(stored, len(self._buffer), self._buffer.dropped, available=True)

    async def _write_batch(self) -> int:
        readings = self._buffer.take()
        try:
            outcome = await self._sink.write(batch_of(readings))
        except UnavailableError:
            self._buffer.give_back(readings)
            raise
        except DomainError as error:
            _LOG.error("a batch of %d polled readings was refused: %s", len(readings), error.detail)
            self._buffer.drop(readings)
            return 0
        except BaseException as error:
            # Cancelled, or a fault of ours: a batch is sent again, but does not block the others for ever.
            self._failed_tries += isinstance(error, Exception)
            if self._failed_tries < _TRIES:
                self._buffer.give_back(readings)
            else:
                self._failed_tries = 0
                self._buffer.drop(readings)
            raise
        self._failed_tries = 0
        return self._note(readings, outcome)

    def _note(self, readings: Sequence[BufferedReading], outcome: WriteOutcome) -> int:
        now = self._clock.now()
        refused = {one.index for one in outcome.refused}
        refusals = {one.sensor_id: Fault(one.code, one.detail) for one in outcome.refused}
        stored: Counter[SensorId] = Counter()
        for index, reading in enumerate(readings):
            stored[reading.sensor.sensor_id] += index not in refused
        for sensor_id, sensor in {reading.sensor.sensor_id: reading.sensor for reading in readings}.items():
            held = self._fleet.get(sensor.device_id)
            if held is not None:
                held.stored(sensor_id, stored[sensor_id], refusals.get(sensor_id), now)
        return len(readings) - outcome.rejected

    async def _save_states(self) -> None:
        changed = {held.device.device_id: (held, held.to_save()) for held in self._fleet if held.changed}
        if not changed:
            return
        async with self._uow.begin() as tx:
            saved = await tx.device_statuses.save(
                [FencedState(state, held.lease) for held, state in changed.values()]
            )
            for device_id in saved:
                held, state = changed[device_id]
                if state.status is not held.announced:
                    tx.events.add(self._event(held.announced, state))
        for device_id in saved:
            held, state = changed[device_id]
            held.saved(state)

    def _event(self, previous: DeviceStatus, state: DeviceState) -> DeviceStatusChanged:
        return DeviceStatusChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=state.status_since or self._clock.now(),
            device_id=state.device_id,
            previous=previous,
            status=state.status,
            reason=state.last_error.code if state.last_error else None,
        )
