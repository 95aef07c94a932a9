"""Polling one device that this process holds."""

import logging
from datetime import timedelta
from typing import Final

from domain.ingestion.device_state import backoff
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.held_device import HeldDevice, PollOutcome
from domain.ingestion.model import Fault
from domain.ingestion.ports import DeviceReader, Jitter
from domain.ingestion.reading_buffer import ReadingBuffer
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)


class PollDevice:
    """One poll: the device is asked, its state follows, and its readings wait to be saved."""

    def __init__(self, reader: DeviceReader, buffer: ReadingBuffer, clock: Clock, jitter: Jitter) -> None:
        self._reader = reader
        self._buffer = buffer
        self._clock = clock
        self._jitter = jitter

    async def __call__(self, held: HeldDevice) -> PollOutcome:
        """Return what the device gave; a device's fault is an outcome, not an exception."""
        outcome = await self.look(held)
        for reading in outcome.readings:
            self._buffer.add(reading)
        return outcome

    async def look(self, held: HeldDevice) -> PollOutcome:
        """Return the same, and leave the readings to the caller."""
        try:
            answer = await self._reader.read(held.device)
            return held.answered(answer.document, answer.latency_ms, self._clock.now())
        except DeviceReadError as error:
            return held.failed(error.fault, self._clock.now())
        except Exception:  # noqa: BLE001 - one device must not stop the others, whatever it found wrong in us
            _LOG.exception("the poll of device %s failed inside", held.device.device_id)
            return held.failed(Fault("internal", "the poll failed inside; see the log"), self._clock.now())

    def pause(self, held: HeldDevice) -> timedelta | None:
        """Return how long to leave a failing device alone; None for one that keeps its rhythm."""
        failures = held.state.consecutive_failures
        return backoff(held.device.period, failures, self._jitter.fraction()) if failures else None

    def next_in(self, held: HeldDevice, delay: timedelta) -> None:
        """Note when the device will be asked next."""
        held.will_be_asked(self._clock.now() + delay)
