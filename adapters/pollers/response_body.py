"""Reading an HTTP answer's body within bounds, decompressed or not."""

import zlib
from typing import Final

import httpx

from adapters.pollers.secret_mask import SecretMask
from domain.ingestion.errors import DeviceReadError

_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def _too_large(limit: int) -> DeviceReadError:
    return DeviceReadError("too_large", f"the answer is larger than {limit:,} bytes")


async def read_body(response: httpx.Response, limit: int, mask: SecretMask) -> bytes:
    """Return the body, decompressed, as it was sent; the mask is for what is told of its encoding.

    Raises:
        DeviceReadError: ``too_large``, ``unsupported_encoding`` or ``bad_http``.

    """
    encoding = mask.text(response.headers.get("content-encoding", "identity")).strip().lower()
    if encoding in {"", "identity"}:
        return await read_undecoded(response, limit)
    _check_announced(response, limit)
    if encoding not in _WINDOW_BITS:
        raise DeviceReadError("unsupported_encoding", f"the answer is encoded as {encoding[:40]!r}")
    try:
        return await _read_compressed(response, limit, zlib.decompressobj(_WINDOW_BITS[encoding]))
    except zlib.error:
        raise DeviceReadError("bad_http", f"the answer is not the {encoding} that it says it is") from None


def _check_announced(response: httpx.Response, limit: int) -> None:
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and (len(announced) > len(str(limit)) + 1 or int(announced) > limit):
        raise _too_large(limit)


async def read_undecoded(response: httpx.Response, limit: int) -> bytes:
    """Return the body as it comes.

    Raises:
        DeviceReadError: ``too_large``.

    """
    _check_announced(response, limit)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def _read_compressed(response: httpx.Response, limit: int, inflate: "zlib._Decompress") -> bytes:
    body = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        body += inflate.decompress(chunk, limit + 1 - len(body))
        if received > limit or len(body) > limit or inflate.unconsumed_tail:
            raise _too_large(limit)
    if not inflate.eof:
        raise DeviceReadError("bad_http", "the answer breaks off")
    return bytes(body)
