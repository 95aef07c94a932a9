"""What demand response asks of others, played in memory: loads, rooms, connections, devices, holidays."""

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.conditions import Connection, MeterReading, RoomComfort
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId, RoomName, SensorId
from domain.demand_response.ports import (
    DeviceControl,
    DeviceHealth,
    HolidayCalendar,
    LoadHistory,
    RoomConditions,
    UrlRules,
)
from domain.shared.ports import Clock
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange

_ENOUGH: Final = 0.95


@dataclass(slots=True)
class _Meter:
    interval: timedelta
    max_gap: timedelta
    times: list[datetime] = field(default_factory=list)
    values: dict[datetime, float] = field(default_factory=dict)


class MemoryLoadHistory(LoadHistory):
    """Means of ``interval`` each, as a test or a simulation lays them out with `measured`.

    Data are settled ``settled_after`` the end of what was asked for. ``asked`` counts the calls of `means`.
    """

    def __init__(self, clock: Clock, settled_after: timedelta = timedelta(hours=1)) -> None:
        self._clock = clock
        self._settled_after = settled_after
        self._meters: dict[SensorId, _Meter] = {}
        self.asked = 0

    def sensor(
        self, sensor_id: str, interval: timedelta = timedelta(minutes=1), max_gap: timedelta | None = None
    ) -> SensorId:
        """Let there be a sensor."""
        known = SensorId(sensor_id)
        self._meters[known] = _Meter(interval, max_gap or 3 * interval)
        return known

    def measured(self, sensor_id: str, start: datetime, kw: float) -> None:
        """Let the mean power of the interval that starts then be so much, in place of what it was."""
        meter = self._meters[SensorId(sensor_id)]
        if start not in meter.values:
            meter.times.insert(bisect_left(meter.times, start), start)
        meter.values[start] = kw

    def measured_each(self, sensor_id: str, asked: TimeRange, kw: float) -> None:
        """Let the mean power of each interval that starts in the range be so much."""
        meter = self._meters[SensorId(sensor_id)]
        at = asked.start
        while at < asked.end:
            meter.values[at] = kw
            at += meter.interval
        meter.times = sorted(meter.values)

    def forget(self, sensor_id: str, asked: TimeRange) -> None:
        """Let nothing be known of what starts in the range."""
        meter = self._meters[SensorId(sensor_id)]
        for one in meter.times[bisect_left(meter.times, asked.start) : bisect_left(meter.times, asked.end)]:
            del meter.values[one]
        meter.times = sorted(meter.values)

    async def known(self, sensor_ids: Collection[SensorId]) -> Collection[SensorId]:
        return {one for one in sensor_ids if one in self._meters}

    async def means(
        self, sensor_ids: Collection[SensorId], asked: TimeRange, resolution: timedelta
    ) -> Mapping[SensorId, Sequence[LoadInterval]]:
        self.asked += 1
        starts = []
        at = asked.start
        while at < asked.end:
            starts.append(at)
            at += resolution
        return {
            one: [_mean(self._meters[one], start, start + resolution) for start in starts]
            for one in sensor_ids
            if one in self._meters
        }

    async def settled(self, asked: TimeRange) -> bool:
        return asked.end + self._settled_after <= self._clock.now()

    async def newest(self, sensor_ids: Collection[SensorId]) -> Mapping[SensorId, MeterReading]:
        return {one: self._newest(self._meters[one]) for one in sensor_ids if one in self._meters}

    def _newest(self, meter: _Meter) -> MeterReading:
        # A mean is there once its interval is over.
        latest = self._clock.now() - meter.interval
        before = bisect_left(meter.times, latest + timedelta(microseconds=1))
        time = meter.times[before - 1] if before else None
        return MeterReading(
            time=time,
            power_kw=None if time is None else meter.values[time],
            quality=Quality.MISSING if time is None else Quality.OK,
            span=meter.interval,
            interval=meter.interval,
            max_gap=meter.max_gap,
        )


def _mean(meter: _Meter, start: datetime, end: datetime) -> LoadInterval:
    known, weighted = timedelta(), 0.0
    for at in meter.times[bisect_left(meter.times, start - meter.interval) : bisect_left(meter.times, end)]:
        part = min(at + meter.interval, end) - max(at, start)
        if part > timedelta():
            known += part
            weighted += meter.values[at] * part.total_seconds()
    coverage = known / (end - start)
    if not known:
        return LoadInterval(start, None, 0.0, Quality.MISSING)
    quality = Quality.OK if coverage >= _ENOUGH else Quality.ESTIMATED
    return LoadInterval(start, weighted / known.total_seconds(), coverage, quality)


class MemoryRoomConditions(RoomConditions):
    """Rooms as a test says they are."""

    def __init__(self) -> None:
        self.rooms: dict[RoomName, RoomComfort] = {}

    def is_comfortable(self, room_name: str, comfortable: bool | None, detail: str = "24 °C") -> None:
        """Say how a room is from now on."""
        self.rooms[RoomName(room_name)] = RoomComfort(comfortable, detail)

    async def comfort(self, room_names: Collection[RoomName]) -> Mapping[RoomName, RoomComfort]:
        return {one: self.rooms[one] for one in room_names if one in self.rooms}


class MemoryDeviceHealth(DeviceHealth):
    """Connections as a test says they are."""

    def __init__(self) -> None:
        self.devices: dict[DeviceId, Connection] = {}

    def is_online(self, device_id: str, online: bool) -> None:
        """Say whether a device answers from now on."""
        self.devices[DeviceId(device_id)] = Connection(online)

    async def connections(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Connection]:
        return {one: self.devices[one] for one in device_ids if one in self.devices}


class MemoryDeviceControl(DeviceControl):
    """Takes every order, but for the devices whose answers were laid out with `answers`.

    ``orders`` is all that was sent, also what was refused.
    """

    def __init__(self) -> None:
        self._scripts: dict[DeviceId, deque[BaseException | None]] = {}
        self.orders: list[ControlOrder] = []

    def answers(self, device_id: str, *answers: BaseException | None) -> None:
        """Lay out a device's answers in turn: taken (None) or an error; the last one goes on for ever."""
        self._scripts[DeviceId(device_id)] = deque(answers)

    def told(self, device_id: str) -> Sequence[str]:
        """Return the URLs that were asked for the device."""
        return [one.request.url for one in self.orders if one.device_id == device_id]

    async def send(self, order: ControlOrder) -> ControlReceipt:
        self.orders.append(order)
        script = self._scripts.get(order.device_id)
        answer = None
        if script:
            answer = script.popleft() if len(script) > 1 else script[0]
        if answer is not None:
            raise answer
        return ControlReceipt(http_status=200, latency_ms=1.0)


class MemoryUrlRules(UrlRules):
    """Lets these hosts through."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts or ("127.0.0.1", "localhost")

    def fault(self, url: str) -> str | None:
        host = urlsplit(url).hostname
        return None if host in self._hosts else f"{host} is not allowed"


class MemoryHolidayCalendar(HolidayCalendar):
    """Has these days."""

    def __init__(self, days: Iterable[tuple[date, str]] = ()) -> None:
        self._days = dict(days)

    def holidays(self, first: date, last: date) -> Mapping[date, str]:
        return {day: name for day, name in self._days.items() if first <= day <= last}
