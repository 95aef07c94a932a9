"""Asking devices over HTTP."""

import asyncio
from typing import Final

from adapters.pollers.device_json import decode
from adapters.pollers.http_client import GuardedHttpClient
from domain.ingestion.iot_configuration import Device
from domain.ingestion.model import DeviceAnswer
from domain.ingestion.ports import DeviceReader

_DECODED_ASIDE: Final = 64 * 1024


class HttpDeviceReader(DeviceReader):
    """Sends the device's request and decodes the JSON that comes back, without the secret it was sent."""

    def __init__(self, client: GuardedHttpClient) -> None:
        self._client = client

    async def read(self, device: Device) -> DeviceAnswer:
        answer = await self._client.send(device.request)
        mask = self._client.mask(device.request.auth)

        def document() -> object:
            return mask.document(decode(answer.body))

        # A large answer takes milliseconds to decode: not on the loop that keeps the others' rhythm.
        is_large = len(answer.body) > _DECODED_ASIDE
        decoded = await asyncio.to_thread(document) if is_large else document()
        return DeviceAnswer(document=decoded, latency_ms=answer.latency_ms)
