"""Time and ids of the running product."""

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Final, NewType
from uuid import UUID

from domain.shared.ports import Clock, IdFactory

ProcessName = NewType("ProcessName", str)
"""One run of one process: another id at each start."""

_SECRET_BYTES: Final = 32
_NANOSECONDS_A_MILLISECOND: Final = 1_000_000
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62


class SystemClock(Clock):
    """The time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds(IdFactory):
    """UUIDv7 (RFC 9562), whose 12 bits after the milliseconds hold their fraction (method 3).

    Within a process each is greater than the one before, also where the clock stands still or steps back.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> UUID:
        milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS_A_MILLISECOND)
        now = milliseconds << 12 | (rest << 12) // _NANOSECONDS_A_MILLISECOND
        with self._lock:
            self._last = now = max(now, self._last + 1)
        stamp = (now >> 12) << 80 | (now & 0xFFF) << 64
        return UUID(int=stamp | _VERSION | _VARIANT | secrets.randbits(62))

    def secret(self) -> str:
        return secrets.token_urlsafe(_SECRET_BYTES)
