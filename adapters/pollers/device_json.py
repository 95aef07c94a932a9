"""Decoding what devices call JSON, within bounds of memory and nesting."""

import json
import math
from typing import Final

import msgspec

from domain.ingestion.errors import DeviceReadError

_LONGEST_INTEGER: Final = 100


def _integer(text: str) -> int | float:
    # Long integers take quadratic time; no value needs them.
    return (
        int(text) if len(text) <= _LONGEST_INTEGER else math.copysign(math.inf, -1 if text[0] == "-" else 1)
    )


def decode(body: bytes) -> object:
    """Return the decoded body. ``NaN`` and impossible numbers come through: they are the fault of one value.

    Raises:
        DeviceReadError: ``not_json``.

    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = body.decode("utf-8-sig", errors="replace")
        return json.loads(text, parse_int=_integer, parse_constant=float, strict=False)
    except json.JSONDecodeError as error:
        raise DeviceReadError("not_json", f"the answer is not JSON: {error.msg} at {error.pos}") from None
    except ValueError:
        raise DeviceReadError("not_json", "the answer is not JSON") from None
    except RecursionError:
        raise DeviceReadError("not_json", "the answer is nested too deeply") from None
