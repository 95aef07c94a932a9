"""Reading the IoT configuration from decoded JSON: all of its faults at once, each with its place."""

import json
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.ingestion.iot_configuration import (
    DEFAULT_TIMEOUT,
    Device,
    DeviceControl,
    DeviceValue,
    HttpRequest,
    IotConfiguration,
    RequestBody,
)
from domain.ingestion.iot_fields import Faults, Fields, TooManyFaultsError
from domain.ingestion.iot_secrets import read_auth, read_headers, read_labels, read_url, refuse_secrets
from domain.ingestion.iot_sensors import ConfiguredSensors
from domain.ingestion.iot_values import DeviceSetting, checked_id, read_store, read_value
from domain.ingestion.model import DeviceId, RoomName
from domain.ingestion.ports import UnitCatalog
from domain.ingestion.tag_paths import TagPath
from domain.shared.errors import InvalidError
from domain.shared.text_ids import text_name

DEFAULT_PERIOD: Final = timedelta(seconds=60)
MAX_DEVICES: Final = 10_000
MAX_VALUES: Final = 1_000
LONGEST_TIMEOUT_SECONDS: Final = 300.0
MAX_BODY: Final = 65_536


class _Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PUT = "PUT"


class _ControlMethod(StrEnum):
    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


def parse_iot_configuration(document: object, units: UnitCatalog | None = None) -> IotConfiguration:
    """Return the configuration that the document (dicts, lists, text, numbers) describes.

    Raises:
        InvalidError: ``invalid_configuration``; its ``problems`` are all of the document's faults.

    """
    faults = Faults()
    devices: dict[DeviceId, Device] = {}
    with suppress(TooManyFaultsError):
        _read_devices(document, units, faults, devices)
    faults.raise_if_any()
    return IotConfiguration(MappingProxyType(devices))


def _read_devices(
    document: object, units: UnitCatalog | None, faults: Faults, devices: dict[DeviceId, Device]
) -> None:
    root = Fields.of(document, "", faults)
    resources = root.nested("resources", required=True) if root is not None else None
    if resources is not None:
        period = resources.seconds("monitoring_period") or DEFAULT_PERIOD
        items = resources.items("iots", required=True) or []
        resources.close()
        if len(items) > MAX_DEVICES:
            resources.fault("iots", "too_many", f"at most {MAX_DEVICES} devices, these are {len(items)}")
            items = []
        sensors = ConfiguredSensors()
        places: dict[DeviceId, str] = {}
        for pointer, item in items:
            fields = Fields.of(item, pointer, faults)
            device = None if fields is None else _DeviceParser(fields, period, units, sensors, places).parse()
            if device is not None:
                devices.setdefault(device.device_id, device)
        sensors.refuse_rings(faults)
    if root is not None:
        root.close()


class _DeviceParser:
    def __init__(
        self,
        fields: Fields,
        period: timedelta,
        units: UnitCatalog | None,
        sensors: ConfiguredSensors,
        places: dict[DeviceId, str],
    ) -> None:
        self._fields = fields
        self._period = period
        self._units = units
        self._sensors = sensors
        self._places = places

    def parse(self) -> Device | None:
        fields = self._fields
        name = fields.text("name", required=True, longest=200)
        device_id = self._device_id(name)
        kind = fields.text("type", longest=64)
        period = fields.seconds("period") or self._period
        request = _read_request(fields, "uri", _Method)
        room = self._room()
        timestamp_tag = self._timestamp_tag()
        setting = DeviceSetting(
            # Where the name is faulty the values are still checked, under ids that are always sound.
            device_id=device_id or DeviceId("device"),
            name=name or "device",
            room_name=room,
            period=period,
            unit=fields.text("unit", longest=64),
            scale=_or(fields.number("scale"), 1.0),
            offset=_or(fields.number("offset"), 0.0),
            max_gap=fields.seconds("max_gap"),
            store=read_store(fields),
            labels=MappingProxyType(read_labels(fields)),
        )
        control = _read_control(fields)
        values = self._values(setting, known=device_id is not None)
        fields.close()
        if name is None or device_id is None or request is None:
            return None
        return Device(
            device_id=device_id,
            name=name,
            type=kind or "",
            request=request,
            values=values,
            period=period,
            room_name=room,
            timestamp_tag=timestamp_tag,
            control=control,
            labels=setting.labels,
        )

    def _device_id(self, name: str | None) -> DeviceId | None:
        checked = None if name is None else checked_id(self._fields, "name", name.replace(" ", "_"))
        if checked is None:
            return None
        device_id = DeviceId(checked)
        first = self._places.setdefault(device_id, self._fields.pointer)
        if first != self._fields.pointer:
            self._fields.fault("name", "duplicate_device", f"{name!r} is the device at {first} already")
        return device_id

    def _room(self) -> RoomName | None:
        room = self._fields.text("room", longest=1000)
        if room is None:
            return None
        try:
            return RoomName(text_name(room, "room"))
        except InvalidError as fault:
            self._fields.fault("room", fault.code, fault.detail)
            return None

    def _timestamp_tag(self) -> TagPath | None:
        text = self._fields.text("timestamp_tag")
        if text is None:
            return None
        try:
            return TagPath.parse(text)
        except ValueError as fault:
            self._fields.fault("timestamp_tag", "invalid_tag", str(fault))
            return None

    def _values(self, setting: DeviceSetting, *, known: bool) -> tuple[DeviceValue, ...]:
        items = self._fields.items("values", required=True)
        if items is not None and not 1 <= len(items) <= MAX_VALUES:
            self._fields.fault(
                "values", "invalid_values", f"1 to {MAX_VALUES} values, these are {len(items)}"
            )
            return ()
        values: list[DeviceValue] = []
        for pointer, item in items or []:
            fields = Fields.of(item, pointer, self._fields.faults)
            value = None if fields is None else read_value(fields, setting, self._units)
            if fields is None or value is None:
                continue
            values.append(value)
            if value.sensor is not None and (known or fields.has("sensor_id")):
                self._sensors.add(fields, value.sensor)
        return tuple(values)


def _or(number: float | None, default: float) -> float:
    return default if number is None else number


def _read_request(fields: Fields, url_name: str, methods: type[StrEnum]) -> HttpRequest | None:
    url = read_url(fields, url_name)
    method = fields.word("method", methods) or methods["GET"]
    headers = read_headers(fields)
    body = _read_body(fields)
    auth = read_auth(fields)
    timeout = fields.seconds("timeout", longest=LONGEST_TIMEOUT_SECONDS) or DEFAULT_TIMEOUT
    verify_tls = fields.flag("verify_tls")
    if url is None:
        return None
    return HttpRequest(
        method=method.value,
        url=url,
        headers=MappingProxyType(headers),
        body=body,
        auth=auth,
        timeout=timeout,
        verify_tls=verify_tls is not False,
    )


def _read_body(fields: Fields) -> RequestBody | None:
    value = fields.value("body")
    if value is None:
        return None
    if isinstance(value, str):
        body = RequestBody("text/plain; charset=utf-8", value)
    else:
        body = RequestBody("application/json", json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    if len(body.text) > MAX_BODY:
        fields.fault("body", "too_long", f"a body may have {MAX_BODY} characters")
    else:
        refuse_secrets(fields, "body", value)
    return body


def _read_control(fields: Fields) -> DeviceControl:
    control = fields.nested("control")
    if control is None:
        return DeviceControl()
    takes_part = control.flag("demandresponse") or False
    http = control.nested("http")
    reduce = restore = None
    if http is not None:
        reduce, restore = _read_command(http, "reduce"), _read_command(http, "restore")
        http.close()
    control.close()
    return DeviceControl(takes_part, reduce, restore)


def _read_command(http: Fields, name: str) -> HttpRequest | None:
    # A command has its own auth: the device's secret goes nowhere but to the device's own address.
    command = http.nested(name, required=True)
    if command is None:
        return None
    read = _read_request(command, "uri" if command.has("uri") else "url", _ControlMethod)
    command.close()
    return read
