"""What the poller would have stored, had it run before."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.simulator.device import Device, Value
from adapters.simulator.local_days import microseconds


@dataclass(frozen=True, slots=True)
class SimulatedSeries:
    """One sensor's readings as the poller hands them on: scaled, in the unit that the configuration names.

    `times` are epoch microseconds. Series without missing values share one array: do not change it.
    """

    sensor_id: str
    unit: str | None
    times: "array[int]"
    values: "array[float]"


def history(
    devices: Iterable[Device], start: datetime, end: datetime, step: timedelta
) -> Iterator[SimulatedSeries]:
    """Give the readings in [start, end) of every sensor, one series at a time.

    They stand at whole multiples of `step` from the epoch: on the knots the model is twice as fast.
    """
    every = step // timedelta(microseconds=1)
    first = -(-microseconds(start) // every) * every
    times = array("q", range(first, microseconds(end), every))
    for device in devices:
        for value in device.values:
            if value.is_numeric:
                yield _series(device.sensor_id(value), value, times)


def _series(sensor_id: str, value: Value, times: "array[int]") -> SimulatedSeries:
    read = value.read
    readings = [read(time) for time in times]
    present = times
    if None in readings:
        present = array(
            "q", [time for time, reading in zip(times, readings, strict=True) if reading is not None]
        )
    scale = value.scale or 1.0
    values = array("d", [reading * scale for reading in readings if reading is not None])
    return SimulatedSeries(sensor_id, value.unit, present, values)
