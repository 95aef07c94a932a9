"""Where demand response meets the others: its ports over their use cases, and what it hears of them."""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from app.overview import EventCounts
from domain.demand_response.conditions import Connection, MeterReading, RoomComfort
from domain.demand_response.devices import (
    MOST_TIMEOUT,
    Control,
    ControlAuth,
    ControlAuthType,
    ControlBody,
    ControlKind,
    ControlRequest,
    DeviceTerms,
)
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId, RoomName, SensorId
from domain.demand_response.ports import DeviceHealth, LoadHistory, RoomConditions
from domain.demand_response.services.dr_events import DrEvents
from domain.demand_response.services.polled_devices import FollowPolledDevices
from domain.ingestion.events import IotConfigurationChanged
from domain.ingestion.iot_configuration import Device, HttpRequest
from domain.ingestion.model import DeviceId as PolledDeviceId
from domain.ingestion.model import DeviceStatus
from domain.ingestion.ports import IotConfigurationSource
from domain.ingestion.services.devices import ReportDevices
from domain.operations.overview import EventNumbers
from domain.sensors.model import RoomName as DescribedRoom
from domain.sensors.model import SensorId as MeteredSensor
from domain.sensors.room_metrics import RoomMetrics
from domain.sensors.services.loads import Loads, MeanLoad
from domain.sensors.services.read_room_metrics import ReadRoomMetrics
from domain.shared.errors import InvalidError
from domain.shared.quantities import Accumulation, Quantity
from domain.shared.time import TimeRange

_LOG: Final = logging.getLogger(__name__)
_MILLIWATTS: Final = 6
_POWER: Final = frozenset({Accumulation.INSTANTANEOUS, Accumulation.MEAN})
_AMOUNTS: Final = frozenset({Accumulation.DELTA, Accumulation.CUMULATIVE})


class SensorsLoadHistory(LoadHistory):
    """Loads by the sensors module."""

    def __init__(self, loads: Loads) -> None:
        self._loads = loads

    async def known(self, sensor_ids: Collection[SensorId]) -> Collection[SensorId]:
        return {SensorId(one) for one in await self._loads.known(_metered(sensor_ids))}

    async def means(
        self, sensor_ids: Collection[SensorId], asked: TimeRange, resolution: timedelta
    ) -> Mapping[SensorId, Sequence[LoadInterval]]:
        found = await self._loads.means(_metered(sensor_ids), asked.start, asked.end, resolution)
        return {SensorId(one): [_interval(mean) for mean in means] for one, means in found.items()}

    async def settled(self, asked: TimeRange) -> bool:
        return self._loads.settled(asked.end)

    async def newest(self, sensor_ids: Collection[SensorId]) -> Mapping[SensorId, MeterReading]:
        found = await self._loads.newest(_metered(sensor_ids))
        return {
            SensorId(one): MeterReading(
                time=load.time,
                power_kw=load.kw,
                quality=load.quality,
                span=load.span,
                interval=load.interval,
                max_gap=load.max_gap,
            )
            for one, load in found.items()
        }


def _metered(sensor_ids: Collection[SensorId]) -> list[MeteredSensor]:
    return [MeteredSensor(one) for one in sensor_ids]


def _interval(mean: MeanLoad) -> LoadInterval:
    # The same readings differ in the last digits where they are summed up another way: a report must not.
    return LoadInterval(mean.start, round(mean.mean_kw, _MILLIWATTS), mean.coverage, mean.quality)


class SensorsRoomConditions(RoomConditions):
    """Comfort by the newest metrics of rooms; of those that are stale nothing is known."""

    def __init__(self, metrics: ReadRoomMetrics) -> None:
        self._metrics = metrics

    async def comfort(self, room_names: Collection[RoomName]) -> Mapping[RoomName, RoomComfort]:
        if not room_names:
            return {}
        found = await self._metrics.newest([DescribedRoom(one) for one in room_names])
        return {
            RoomName(room): RoomComfort(None if one.stale else one.metrics.comfort, _felt(one.metrics))
            for room, one in found.items()
        }


def _felt(metrics: RoomMetrics) -> str:
    """Return in words what a room is like."""
    figures = (
        (metrics.temperature, "{:.1f} °C"),
        (metrics.humidity, "{:.0f} % humidity"),
        (metrics.co2, "{:.0f} ppm CO2"),
    )
    told = [words.format(figure) for figure, words in figures if figure is not None]
    return ", ".join(told) or "nothing is known of it"


class PolledDeviceHealth(DeviceHealth):
    """Connections by the ingestion module: whoever answers, be it with faults, can be reached."""

    def __init__(self, devices: ReportDevices) -> None:
        self._devices = devices

    async def connections(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Connection]:
        try:
            reports = await self._devices.find([PolledDeviceId(one) for one in device_ids])
        except InvalidError as error:
            _LOG.warning("demand response does not know which devices answer: %s", error.detail)
            return {}
        return {
            DeviceId(one): Connection(
                online=report.state.status is not DeviceStatus.OFFLINE, since=report.state.status_since
            )
            for one, report in reports.items()
            if report.state.status is not DeviceStatus.UNKNOWN
        }


class FollowConfiguration:
    """Lets polled devices that are made for demand response take part, as their configuration changes."""

    def __init__(self, configuration: IotConfigurationSource, follow: FollowPolledDevices) -> None:
        self._configuration = configuration
        self._follow = follow

    async def __call__(self, _changed: IotConfigurationChanged) -> None:
        """Follow what is in force now, which may be newer than what the event tells of."""
        await self.catch_up()

    async def catch_up(self) -> int:
        """Follow what is in force now; return how many devices changed.

        Raises:
            InvalidError: the configuration cannot be read.

        """
        configuration = await self._configuration.load()
        takes_part = [one for one in configuration.devices.values() if one.control.demand_response]
        return await self._follow([terms_of(one) for one in takes_part])


def terms_of(device: Device) -> DeviceTerms:
    """Return what the configuration says of a device's flexibility: its meter, its room, how it is told."""
    control = device.control
    requests = control.reduce, control.restore
    by_http = None not in requests
    reduce, restore = (None if one is None else _request(one) for one in requests)
    return DeviceTerms(
        device_id=DeviceId(device.device_id),
        power_sensor_id=_power_sensor(device),
        room_name=None if device.room_name is None else RoomName(device.room_name),
        labels=device.labels,
        control=Control(kind=ControlKind.HTTP, reduce=reduce, restore=restore) if by_http else Control(),
    )


def _power_sensor(device: Device) -> SensorId | None:
    """Return the sensor of its power, else one of its energy, from which power follows."""
    sensors = [value.sensor for value in device.values if value.sensor is not None]
    for quantity, accumulations in ((Quantity.POWER, _POWER), (Quantity.ENERGY, _AMOUNTS)):
        for one in sensors:
            if one.quantity is quantity and one.accumulation in accumulations:
                return SensorId(one.sensor_id)
    return None


def _request(said: HttpRequest) -> ControlRequest:
    auth, body = said.auth, said.body
    return ControlRequest(
        method=said.method,
        url=said.url,
        headers=said.headers,
        body=None if body is None else ControlBody(body.content_type, body.text),
        auth=None if auth is None else ControlAuth(ControlAuthType(auth.type.value), auth.env, auth.header),
        timeout=min(said.timeout, MOST_TIMEOUT),
        verify_tls=said.verify_tls,
    )


class DrEventCounts(EventCounts):
    """Events by the demand response module."""

    def __init__(self, events: DrEvents) -> None:
        self._events = events

    async def numbers(self) -> EventNumbers:
        counts = await self._events.counts()
        upcoming = counts.get(DrEventStatus.FAR, 0) + counts.get(DrEventStatus.NEAR, 0)
        return EventNumbers(active=counts.get(DrEventStatus.ACTIVE, 0), upcoming=upcoming)
