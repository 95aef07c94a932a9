"""``/demand-response/devices``: what devices can do, and how they are told."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, put
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from adapters.http_api.dr_control import ControlFields, control_fields, control_of
from adapters.http_api.dr_fields import TAG, Kw, WindowFields, window_fields, windows_of
from adapters.web.authentication import requires
from adapters.web.faults import pointer_of
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Elapsed, Instant, Span
from domain.demand_response.devices import Control, Device, DeviceTerms, ProfileOrigin
from domain.demand_response.model import NO_TIME, DeviceId, RoomName, SensorId
from domain.demand_response.services.devices import DrDevices
from domain.ingestion.secret_looks import is_secret, names_secret
from domain.operations.model import Principal, Role
from domain.shared.errors import ForbiddenError, InvalidError, NotFoundError, Problem

_SHORT = 200

Label = Annotated[str, msgspec.Meta(max_length=_SHORT)]


class DrDeviceFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is said of a device's flexibility, as a whole; powers in kW.

    It can be brought down to ``min_power_kw``, by ``max_reduction_kw`` at most, for ``max_duration`` at a
    time, ``min_rest`` after it came back, ``max_events_per_day`` times on a local day, inside
    ``availability`` (absent: always). It takes ``ramp_seconds`` to come down. ``priority``: 0 is shed first,
    absent last. Where ``control`` is left out, it stays as it was.
    """

    device_id: str | UnsetType = UNSET
    power_sensor_id: Annotated[
        str, msgspec.Meta(description="The sensor that measures its power.", examples=["heat-pump.power"])
    ]
    site_meter_id: Annotated[
        str | None, msgspec.Meta(description="The meter of what its site takes from the grid.")
    ] = None
    room_name: str | None = None
    labels: Annotated[dict[Label, Label] | None, msgspec.Meta(examples=[{"circuit": "hvac"}])] = None
    controllable: bool = True
    min_power_kw: Kw = 0.0
    max_reduction_kw: Kw | None = None
    max_duration: Elapsed | None = None
    min_rest: Span | None = None
    max_events_per_day: int | None = None
    availability: list[WindowFields] | None = None
    ramp_seconds: float = 0.0
    priority: Annotated[int | None, msgspec.Meta(examples=[0])] = None
    control: ControlFields | UnsetType | None = UNSET


class DrDeviceAnswer(msgspec.Struct, kw_only=True):
    """A device; ``origin`` and ``control_origin`` tell who described it: a client, or the poller."""

    device_id: str
    power_sensor_id: str | None
    site_meter_id: str | None
    room_name: str | None
    labels: dict[str, str]
    controllable: bool
    min_power_kw: float
    max_reduction_kw: float | None
    max_duration: Elapsed | None
    min_rest: Span
    max_events_per_day: int | None
    availability: list[WindowFields] | None
    ramp_seconds: float
    priority: int | None
    control: ControlFields
    origin: ProfileOrigin
    control_origin: ProfileOrigin
    created_at: Instant
    updated_at: Instant


def _answer(device: Device) -> DrDeviceAnswer:
    terms = device.terms
    return DrDeviceAnswer(
        device_id=terms.device_id,
        power_sensor_id=terms.power_sensor_id,
        site_meter_id=terms.site_meter_id,
        room_name=terms.room_name,
        labels=dict(terms.labels),
        controllable=terms.controllable,
        min_power_kw=terms.min_power_kw,
        max_reduction_kw=terms.max_reduction_kw,
        max_duration=None if terms.max_duration is None else Elapsed.of(terms.max_duration),
        min_rest=Span.of(terms.min_rest),
        max_events_per_day=terms.max_events_per_day,
        availability=window_fields(terms.availability),
        ramp_seconds=terms.ramp_seconds,
        priority=terms.priority,
        control=control_fields(terms.control),
        origin=device.origin,
        control_origin=device.control_origin,
        created_at=Instant.of(device.created_at),
        updated_at=Instant.of(device.updated_at),
    )


def _control(data: DrDeviceFields, before: Device | None) -> Control | None:
    """Return the control that is asked for, None where it stays as it was."""
    problems = [
        Problem("/labels" + pointer_of(name), "secret_shown", "everybody who may read sees labels")
        for name, value in (data.labels or {}).items()
        if names_secret(name, value) or is_secret(value)
    ]
    control = None
    if data.control is not None and data.control is not UNSET:
        control = control_of(data.control, None if before is None else before.terms.control, problems)
    if problems:
        raise InvalidError(problems[0].code, "the device cannot take part so", problems)
    return control


def _terms(device_id: str, data: DrDeviceFields, control: Control | None) -> DeviceTerms:
    return DeviceTerms(
        device_id=DeviceId(device_id),
        power_sensor_id=SensorId(data.power_sensor_id),
        site_meter_id=None if data.site_meter_id is None else SensorId(data.site_meter_id),
        room_name=None if data.room_name is None else RoomName(data.room_name),
        labels=data.labels or {},
        controllable=data.controllable,
        min_power_kw=data.min_power_kw,
        max_reduction_kw=data.max_reduction_kw,
        max_duration=data.max_duration,
        min_rest=data.min_rest or NO_TIME,
        max_events_per_day=data.max_events_per_day,
        availability=windows_of(data.availability),
        ramp_seconds=data.ramp_seconds,
        priority=data.priority,
        control=control,
    )


class DrDevicesController(Controller):
    """Devices that can shed load."""

    path = "/demand-response/devices"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/", summary="List demand response devices")
    @inject
    async def list_dr_devices(
        self, devices: FromDishka[DrDevices], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[DrDeviceAnswer]:
        """Return devices by id; those that are polled and made for demand response are among them."""
        found, total = await devices.list(limit, offset)
        return Page(items=[_answer(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/{device_id:str}", summary="Get a demand response device")
    @inject
    async def get_dr_device(self, device_id: FromPath[str], devices: FromDishka[DrDevices]) -> DrDeviceAnswer:
        """Return what the device can do. Values of its control's headers are not shown."""
        return _answer(await devices.get(DeviceId(device_id)))

    @put(
        "/{device_id:str}",
        summary="Set a demand response device",
        guards=(requires(Role.OPERATOR),),
        responses={
            HTTPStatus.CREATED.value: ResponseSpec(
                DrDeviceAnswer, description="There was none of this id", generate_examples=False
            )
        },
    )
    @inject
    async def set_dr_device(
        self,
        device_id: FromPath[str],
        data: JSONBody[DrDeviceFields],
        devices: FromDishka[DrDevices],
        principal: FromDishka[Principal],
    ) -> Response[DrDeviceAnswer]:
        """Say what the device can do, in place of what was said (201 where it is new).

        Where commands go is configuration: another `control` than there was needs the role `admin`. Its URLs
        obey `POLLER_ALLOWED_HOSTS` (422 `host_not_allowed`). While it serves an event, or is still to be told
        to come back, its control cannot be taken away (409 `device_is_serving`).
        """
        if data.device_id not in {UNSET, device_id}:
            problem = Problem("/device_id", "immutable", "an id cannot be changed; set another device")
            raise InvalidError(problem.code, problem.detail, [problem])
        before = None
        with suppress(NotFoundError):
            before = await devices.get(DeviceId(device_id))
        control = _control(data, before)
        if control is not None and not principal.role.includes(Role.ADMIN):
            raise ForbiddenError("forbidden", "how a device is told takes the role admin to be said")
        device, created = await devices.put(_terms(device_id, data, control), principal.actor)
        status = HTTPStatus.CREATED if created else HTTPStatus.OK
        return NegotiatedResponse(_answer(device), status_code=status)

    @delete("/{device_id:str}", summary="Delete a demand response device", guards=(requires(Role.ADMIN),))
    @inject
    async def delete_dr_device(
        self, device_id: FromPath[str], devices: FromDishka[DrDevices], principal: FromDishka[Principal]
    ) -> None:
        """Let the device take no part any more; what it did is kept.

        While it serves an event, or is still to be told to come back, 409 `device_is_serving`. One that is
        polled and made for demand response comes back with the next look at its configuration.
        """
        await devices.delete(DeviceId(device_id), principal.actor)
