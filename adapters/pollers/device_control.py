"""Telling devices what to do, over HTTP."""

from typing import Final
from urllib.parse import urlsplit

from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from domain.demand_response.commands import ControlOrder, ControlReceipt
from domain.demand_response.devices import ControlRequest
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.ports import DeviceControl, UrlRules
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.iot_configuration import AuthType, DeviceAuth, HttpRequest, RequestBody

IDEMPOTENCY_KEY: Final = "Idempotency-Key"


class HttpDeviceControl(DeviceControl):
    """Sends the request of an order through the one client for devices; any 2xx answer means it is taken."""

    def __init__(self, client: GuardedHttpClient) -> None:
        self._client = client

    async def send(self, order: ControlOrder) -> ControlReceipt:
        try:
            answer = await self._client.send(_request(order), is_command=True)
        except DeviceReadError as refused:
            raise DeviceControlError(refused.fault.code, refused.fault.detail) from None
        return ControlReceipt(http_status=answer.status, latency_ms=answer.latency_ms)


class GuardedUrlRules(UrlRules):
    """What the host guard says of a URL's host; its address is looked at when the connection is made."""

    def __init__(self, guard: HostGuard) -> None:
        self._guard = guard

    def fault(self, url: str) -> str | None:
        try:
            host = urlsplit(url).hostname
        except ValueError:
            host = None
        return "the URL names no host" if not host else self._guard.fault(host)


def _request(order: ControlOrder) -> HttpRequest:
    said = order.request
    return HttpRequest(
        method=said.method,
        url=said.url,
        headers={**said.headers, IDEMPOTENCY_KEY: str(order.command_id)},
        body=None if said.body is None else RequestBody(said.body.content_type, said.body.text),
        auth=_auth(said),
        timeout=said.timeout,
        verify_tls=said.verify_tls,
    )


def _auth(said: ControlRequest) -> DeviceAuth | None:
    auth = said.auth
    return None if auth is None else DeviceAuth(AuthType(auth.type.value), auth.env, auth.header)
