"""A device that this process polls: its state and its open windows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.ingestion.device_state import Latencies, after_answer, after_failure, after_storing
from domain.ingestion.iot_configuration import Device, DeviceValue
from domain.ingestion.model import DeviceState, Fault, PolledValue, SensorId, SensorRegistration, ShardLease
from domain.ingestion.reading_buffer import BufferedReading
from domain.ingestion.value_reading import read_answer
from domain.ingestion.windows import WindowFilling
from domain.shared.time import MICROSECOND, to_microseconds

LONGEST_GRACE: Final = timedelta(minutes=1)
"""How long at most a window waits, after its end by our clock, for samples with the device's own time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOutcome:
    """What one poll gave: the values, or the fault; and the readings to store because of it."""

    time: datetime
    values: tuple[PolledValue, ...] = ()
    fault: Fault | None = None
    latency_ms: float | None = None
    readings: tuple[BufferedReading, ...] = ()


def _outside(definition: DeviceValue, value: float) -> bool:
    sensor = definition.sensor
    if sensor is None:
        return False
    low, high = sensor.min_value, sensor.max_value
    return (low is not None and value < low) or (high is not None and value > high)


class HeldDevice:
    """Turns answers into state and readings. Nothing is stored here: `changed` says what is to be saved."""

    def __init__(self, device: Device, lease: ShardLease, state: DeviceState | None) -> None:
        self.device = device
        self.lease = lease
        self.state = state or DeviceState(device_id=device.device_id)
        self.announced = self.state.status
        """The status as it was last saved."""
        self.changed = state is None
        self._saving: DeviceState | None = None
        self._latencies = Latencies()
        self._windows: dict[SensorId, tuple[SensorRegistration, WindowFilling]] = {}
        for value in device.values:
            if value.sensor is not None and value.window is not None:
                grace = min(value.window.period, LONGEST_GRACE) if device.timestamp_tag else timedelta(0)
                filling = WindowFilling(
                    value.window,
                    grace_us=grace // MICROSECOND,
                    sample_every_us=device.period // MICROSECOND,
                )
                self._windows[value.sensor.sensor_id] = value.sensor, filling
        self._read = self.state.last_values
        """The newest values as they were read, whatever storage said to them."""
        self._refused: dict[SensorId, Fault] = {}
        """Why storage refused readings; a refusal stands until readings of the sensor are stored again."""

    def answered(self, document: object, latency_ms: float, at: datetime) -> PollOutcome:
        """Take an answer."""
        read = read_answer(self.device, document, at)
        values: list[PolledValue] = []
        readings: list[BufferedReading] = []
        for definition, value in zip(self.device.values, read.values, strict=True):
            fault = self._take(definition, value, readings)
            values.append(value if fault is None else replace(value, fault=fault))
        self._latencies.add(latency_ms)
        self._read = tuple(values)
        self.state = after_answer(self.state, at, *self._kept())
        self.changed = True
        return PollOutcome(
            time=at, values=tuple(values), fault=None, latency_ms=latency_ms, readings=tuple(readings)
        )

    def failed(self, fault: Fault, at: datetime) -> PollOutcome:
        """Take the lack of an answer."""
        self.state = after_failure(self.state, at, fault)
        self.changed = True
        return PollOutcome(time=at, fault=fault)

    def close_windows(self, now: datetime) -> Iterator[BufferedReading]:
        """Yield the readings of the windows whose time is over."""
        now_us = to_microseconds(now)
        for sensor, filling in self._windows.values():
            for closed in filling.close(now_us):
                yield BufferedReading(sensor, closed.time_us, closed.value)

    def will_be_asked(self, at: datetime) -> None:
        """Note when the next poll is."""
        self.state = replace(self.state, next_poll=at)
        self.changed = True

    def stored(self, sensor_id: SensorId, count: int, refusal: Fault | None, at: datetime) -> None:
        """Note how many readings of a sensor were stored just now, and why others were refused.

        A refusal is a fault of the device, and shows beside the value until readings are stored again.
        """
        self.state = replace(self.state, readings_stored=self.state.readings_stored + count)
        self.changed = True
        if refusal == self._refused.get(sensor_id):
            return
        if refusal is None:
            del self._refused[sensor_id]
        else:
            self._refused[sensor_id] = refusal
        self.state = after_storing(self.state, at, *self._kept())

    def to_save(self) -> DeviceState:
        """Return the state with the newest latencies, as it is to be saved."""
        self._saving = self.state
        return replace(self.state, latency=self._latencies.percentiles() or self.state.latency)

    def saved(self, state: DeviceState) -> None:
        """Note that what `to_save` returned was saved; meanwhile another poll may have ended."""
        self.announced = state.status
        self.changed = self.state is not self._saving

    def _kept(self) -> tuple[tuple[PolledValue, ...], Fault | None]:
        """Return the newest values with the refusals that stand, and the first fault of one."""
        values = tuple(self._with_refusal(value) for value in self._read)
        return values, next((value.fault for value in values if value.fault is not None), None)

    def _with_refusal(self, value: PolledValue) -> PolledValue:
        fault = self._refused.get(value.sensor_id) if value.sensor_id else None
        return value if fault is None or value.fault is not None else replace(value, fault=fault)

    def _take(
        self, definition: DeviceValue, value: PolledValue, readings: list[BufferedReading]
    ) -> Fault | None:
        sensor = definition.sensor
        if sensor is None or not isinstance(value.value, float) or value.time is None:
            return None
        time_us = to_microseconds(value.time)
        if sensor.sensor_id not in self._windows:
            readings.append(BufferedReading(sensor, time_us, value.value))
            return None
        if _outside(definition, value.value):
            return Fault("out_of_range", f"{value.tag}: {value.value:g} lies outside min_value to max_value")
        _, filling = self._windows[sensor.sensor_id]
        closed, taken = filling.add(time_us, value.value)
        readings.extend(BufferedReading(sensor, one.time_us, one.value) for one in closed)
        return None if taken else Fault("late", f"{value.tag}: its store window was closed before it came")
