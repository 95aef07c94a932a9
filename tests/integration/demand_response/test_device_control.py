"""Telling devices over HTTP: what goes out, what counts as taken, and what is told of the rest."""

import json
import logging
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.pollers.device_control import GuardedUrlRules, HttpDeviceControl
from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from domain.demand_response.commands import Command, CommandKind, CommandReason
from domain.demand_response.devices import (
    Control,
    ControlAuth,
    ControlAuthType,
    ControlBody,
    ControlKind,
    ControlRequest,
    Device,
    DeviceTerms,
    ProfileOrigin,
)
from domain.demand_response.errors import FOR_GOOD, DeviceControlError
from domain.demand_response.model import AssignmentId, CommandId, DeviceId, DrEventId, Fault, SensorId
from domain.demand_response.orders import order_of
from tests.integration.demand_response.control_server import ControlServer, control_server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = DrEventId(UUID(int=3))
SECRETS = {"LOGIN": "me:s3cret", "TOKEN": "s3cret"}


@pytest.fixture
async def server() -> AsyncIterator[ControlServer]:
    async with control_server() as one:
        yield one


@pytest.fixture
async def control() -> AsyncIterator[HttpDeviceControl]:
    client = GuardedHttpClient(HostGuard(["127.0.0.0/8", "device.test"]), SECRETS, max_bytes=10_000)
    yield HttpDeviceControl(client)
    await client.close()


def request(url: str, **more: Any) -> ControlRequest:  # noqa: ANN401
    return ControlRequest(**{"method": "POST", "url": url, "timeout": timedelta(seconds=5), **more})


async def tell(
    control: HttpDeviceControl, asked: ControlRequest, *, kw: float | None = 1.5, target: float | None = 0.25
) -> int:
    command = Command(
        command_id=CommandId(UUID(int=9)),
        assignment_id=AssignmentId(UUID(int=8)),
        event_id=EVENT,
        device_id=DeviceId("d"),
        kind=CommandKind.REDUCE,
        reason=CommandReason.DISPATCH,
        noted_at=NOW,
        due_at=NOW,
        reduction_kw=kw,
        target_kw=target,
    )
    terms = DeviceTerms(
        device_id=DeviceId("d"),
        power_sensor_id=SensorId("p"),
        control=Control(kind=ControlKind.HTTP, reduce=asked, restore=asked),
    )
    origin = ProfileOrigin.API
    device = Device(terms=terms, origin=origin, control_origin=origin, created_at=NOW, updated_at=NOW)
    order = order_of(command, device)
    assert order is not None
    return (await control.send(order)).http_status


async def refused(control: HttpDeviceControl, asked: ControlRequest) -> Fault:
    with pytest.raises(DeviceControlError) as found:
        await tell(control, asked)
    assert "s3cret" not in str(found.value)
    assert found.value.__cause__ is None
    return found.value.fault


async def test_words_become_numbers_of_the_document(
    server: ControlServer, control: HttpDeviceControl
) -> None:
    body = {"kw": "{reduction_kw}", "to": "{target_kw}", "why": "event {event_id}: {reduction_kw} kW"}
    text = ControlBody("application/json", json.dumps(body))
    assert await tell(control, request(server.url("/x"), body=text)) == 204
    (told,) = server.told
    assert told.method == "POST"
    assert told.headers["idempotency-key"] == str(UUID(int=9))
    assert told.headers["content-type"] == "application/json"
    assert json.loads(told.body) == {"kw": 1.5, "to": 0.25, "why": f"event {EVENT}: 1.5 kW"}
    await tell(control, request(server.url("/x"), body=text), kw=None, target=None)
    assert json.loads(server.told[1].body)["kw"] is None


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_devices_are_told_by_the_method_that_they_want(
    server: ControlServer, control: HttpDeviceControl, method: str
) -> None:
    asked = request(server.url("/relay/0?turn=off"), method=method, headers={"X-Mode": "eco"})
    assert await tell(control, asked) == 204
    (told,) = server.told
    assert (told.method, told.path, told.headers["x-mode"]) == (method, "/relay/0?turn=off", "eco")
    assert told.headers["idempotency-key"]


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (ControlAuth(ControlAuthType.BASIC, "LOGIN"), "Basic bWU6czNjcmV0"),
        (ControlAuth(ControlAuthType.BEARER, "TOKEN"), "Bearer s3cret"),
    ],
)
async def test_secrets_come_from_the_environment(
    server: ControlServer,
    control: HttpDeviceControl,
    caplog: pytest.LogCaptureFixture,
    auth: ControlAuth,
    header: str,
) -> None:
    caplog.set_level(logging.WARNING)
    await tell(control, request(server.url("/x"), auth=auth))
    assert server.told[0].headers["authorization"] == header
    server.answer("/no", "401 Unauthorized", b"s3cret")
    assert await refused(control, request(server.url("/no"), auth=auth)) == Fault(
        "http_401", "the device answered 401 Unauthorized"
    )
    echo = request(server.answer("/echo", "403 s3cret is wrong"), auth=auth)
    assert (await refused(control, echo)).detail == "the device answered 403 *** is wrong"
    assert "s3cret" not in caplog.text
    missing = request(server.url("/x"), auth=ControlAuth(ControlAuthType.BEARER, "NOTHING"))
    assert (await refused(control, missing)).code == "auth_missing"


@pytest.mark.parametrize("status", ["400 Bad", "404 Not Found", "409 Conflict", "500 Oops", "503 Busy"])
async def test_what_is_not_taken_has_its_own_code(
    server: ControlServer, control: HttpDeviceControl, status: str
) -> None:
    fault = await refused(control, request(server.answer("/x", status)))
    assert fault.code == f"http_{status[:3]}"
    assert fault.code not in FOR_GOOD


@pytest.mark.parametrize("body", [b"not JSON", b"\xff\xfe", b"{}"], ids=["text", "bytes", "JSON"])
async def test_what_a_taken_command_answers_does_not_matter(
    server: ControlServer, control: HttpDeviceControl, body: bytes
) -> None:
    url = server.answer("/x", "200 OK", body, Content_Encoding="br")
    assert await tell(control, request(url)) == 200


async def test_a_device_that_is_silent_is_given_up_in_time(
    server: ControlServer, control: HttpDeviceControl
) -> None:
    server.answers["/x"] = None
    began = time.monotonic()
    asked = request(server.url("/x"), timeout=timedelta(seconds=0.3))
    assert (await refused(control, asked)).code == "timeout"
    assert time.monotonic() - began < 3


async def test_an_endless_answer_is_cut_off(server: ControlServer, control: HttpDeviceControl) -> None:
    assert (await refused(control, request(server.answer("/x", "200 OK", b" " * 20_000)))).code == "too_large"


async def test_nobody_listens(control: HttpDeviceControl) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    asked = request(f"http://127.0.0.1:{port}/x")
    assert (await refused(control, asked)).code == "connection_refused"


async def test_no_redirect_turns_a_command_into_a_look(
    server: ControlServer, control: HttpDeviceControl
) -> None:
    for status in ("301 Moved", "302 Found"):
        asked = request(server.answer("/x", status, Location="/y"))
        assert (await refused(control, asked)).code == "redirect_refused"
    assert await tell(control, request(server.answer("/x", "303 See Other", Location="/y"))) == 303
    assert "/y" not in [one.path for one in server.told]
    body = ControlBody("text/plain", "{reduction_kw}")
    assert await tell(control, request(server.answer("/x", "307 Temp", Location="/y"), body=body)) == 204
    assert (server.told[-1].path, server.told[-1].method, server.told[-1].body) == ("/y", "POST", b"1.5")
    assert server.told[-1].headers["idempotency-key"]


@pytest.mark.parametrize("location", ["http://localhost/y", "http://127.0.0.1:1/y", "file:///etc/passwd"])
async def test_no_redirect_leads_elsewhere(
    server: ControlServer, control: HttpDeviceControl, location: str
) -> None:
    asked = request(server.answer("/x", "307 Temp", Location=location))
    assert (await refused(control, asked)).code == "redirect_refused"


async def test_a_name_that_leads_elsewhere_by_now_is_not_connected_to(
    control: HttpDeviceControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been allowed when the device was described: what counts is where it leads now."""
    honest = socket.getaddrinfo

    def moved(host: str, port: int, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return honest("169.254.169.254" if host == "device.test" else host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", moved)
    fault = await refused(control, request("http://device.test/latest/meta-data?token=s3cret"))
    assert fault.code == "host_not_allowed"
    assert fault.code in FOR_GOOD
    assert (await refused(control, request("http://192.0.2.7/"))).code == "host_not_allowed"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1/x", True),
        ("https://10.1.2.3:8443/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://169.254.169.254/", False),
        ("http://8.8.8.8/", False),
        ("http://2130706433/", True),
        ("http://0x08080808/", False),
        ("http:///x", False),
        ("http://[::1/x", False),
    ],
)
def test_urls_are_judged_by_their_hosts(url: str, *, allowed: bool) -> None:
    assert (GuardedUrlRules(HostGuard()).fault(url) is None) == allowed
