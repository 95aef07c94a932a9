"""``/ingestion/devices``: the devices of the IoT configuration and how they fare."""

from datetime import datetime
from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromPath, QueryParameter

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.ingestion.model import DeviceId, DeviceStatus, Fault, PolledValue
from domain.ingestion.services.devices import DeviceReport, ReportDevices
from domain.ingestion.services.poll_now import PolledNow, PollNow
from domain.operations.model import Role

StatusFilter = Annotated[DeviceStatus | None, QueryParameter(description="Only devices of this status.")]


class FaultAnswer(msgspec.Struct, kw_only=True):
    """What is wrong: a stable code, and a text for people."""

    code: str
    detail: str


class DeviceErrorAnswer(FaultAnswer, kw_only=True):
    """The fault of a device's last poll."""

    time: Instant


class LatencyAnswer(msgspec.Struct, kw_only=True):
    """Percentiles of the time to a whole answer, in milliseconds; null before the first answer."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class PolledValueAnswer(msgspec.Struct, kw_only=True):
    """A value as it was read last; null where the device gave null or the value was refused."""

    tag: str
    type: str
    sensor_id: str | None
    value: float | str | None
    unit: str | None
    time: Instant | None
    error: FaultAnswer | None


class ReadValueAnswer(PolledValueAnswer, kw_only=True):
    """A value that was read now. ``stored`` is false for one that goes into a store window."""

    stored: bool


class PolledDeviceAnswer(msgspec.Struct, kw_only=True):
    """A device and how it fares."""

    device_id: str
    name: str
    type: str
    room_name: str | None
    uri: str
    period_seconds: float
    demand_response: bool
    labels: dict[str, str]
    sensor_ids: list[str]
    status: DeviceStatus
    status_since: Instant | None
    last_seen: Instant | None
    last_error: DeviceErrorAnswer | None
    consecutive_failures: int
    next_poll: Instant | None
    polls: int
    successes: int
    failures: int
    success_rate: float | None
    latency_ms: LatencyAnswer
    readings_stored: int
    values: list[PolledValueAnswer]


class PollAnswer(msgspec.Struct, kw_only=True):
    """What one poll gave: the values, or the error."""

    device_id: str
    time: Instant
    latency_ms: float | None
    values: list[ReadValueAnswer]
    error: FaultAnswer | None


def _instant(time: datetime | None) -> Instant | None:
    return None if time is None else Instant.of(time)


def _fault(fault: Fault | None) -> FaultAnswer | None:
    return None if fault is None else FaultAnswer(code=fault.code, detail=fault.detail)


def _value(value: PolledValue) -> PolledValueAnswer:
    return PolledValueAnswer(
        tag=value.tag,
        type=value.type,
        sensor_id=value.sensor_id,
        value=value.value,
        unit=value.unit,
        time=_instant(value.time),
        error=_fault(value.fault),
    )


def _device(report: DeviceReport) -> PolledDeviceAnswer:
    device, state = report.device, report.state
    error, latency = state.last_error, state.latency
    return PolledDeviceAnswer(
        device_id=device.device_id,
        name=device.name,
        type=device.type,
        room_name=device.room_name,
        uri=device.request.url,
        period_seconds=device.period.total_seconds(),
        demand_response=device.control.demand_response,
        labels=dict(device.labels),
        sensor_ids=[value.sensor.sensor_id for value in device.values if value.sensor],
        status=state.status,
        status_since=_instant(state.status_since),
        last_seen=_instant(state.last_seen),
        last_error=None
        if error is None
        else DeviceErrorAnswer(code=error.code, detail=error.detail, time=Instant.of(error.time)),
        consecutive_failures=state.consecutive_failures,
        next_poll=_instant(state.next_poll),
        polls=state.polls,
        successes=state.successes,
        failures=state.failures,
        success_rate=state.success_rate,
        latency_ms=LatencyAnswer()
        if latency is None
        else LatencyAnswer(p50=latency.p50, p95=latency.p95, p99=latency.p99),
        readings_stored=state.readings_stored,
        values=[_value(value) for value in state.last_values],
    )


def _polled(polled: PolledNow) -> PollAnswer:
    values = []
    for shown in polled.values:
        fields = msgspec.structs.asdict(_value(shown.value))
        values.append(ReadValueAnswer(**fields, stored=shown.stored))
    return PollAnswer(
        device_id=polled.device_id,
        time=Instant.of(polled.time),
        latency_ms=polled.latency_ms,
        values=values,
        error=_fault(polled.fault),
    )


class IngestionDevicesController(Controller):
    """The devices that are polled."""

    path = "/ingestion/devices"
    tags = ("Ingestion",)

    @get("/", summary="List devices", guards=[requires(Role.VIEWER)])
    @inject
    async def list_devices(
        self,
        devices: FromDishka[ReportDevices],
        status: StatusFilter = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[PolledDeviceAnswer]:
        """Return the devices in the order of the configuration, each with how it fares."""
        reports, total = await devices.page(limit, offset, status)
        return Page(items=[_device(report) for report in reports], total=total, limit=limit, offset=offset)

    @get("/{device_id:str}", summary="Get a device", guards=[requires(Role.VIEWER)])
    @inject
    async def get_device(
        self, device_id: FromPath[str], devices: FromDishka[ReportDevices]
    ) -> PolledDeviceAnswer:
        """Return a device with its polling metrics and the values it gave last."""
        return _device(await devices.get(DeviceId(device_id)))

    @post(
        "/{device_id:str}/poll",
        summary="Poll a device now",
        status_code=200,
        guards=[requires(Role.OPERATOR)],
    )
    @inject
    async def poll(self, device_id: FromPath[str], poll_now: FromDishka[PollNow]) -> PollAnswer:
        """Ask the device once, now. What it gave is in the answer: the values, or the error."""
        return _polled(await poll_now(DeviceId(device_id)))
