"""The rules of how a device fares, and when it is asked again."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from domain.ingestion.model import (
    SHARDS,
    DeviceError,
    DeviceId,
    DeviceState,
    DeviceStatus,
    Fault,
    Latency,
    PolledValue,
)

OFFLINE_AFTER: Final = 3
LONGEST_BACKOFF: Final = timedelta(minutes=5)
LATENCIES_KEPT: Final = 256
_LEAST_FACTOR: Final = 0.75


def shard_of(device_id: DeviceId) -> int:
    """Return the shard that the device belongs to, the same in every process."""
    return crc32(device_id.encode()) % SHARDS


def initial_offset(device_id: DeviceId, period: timedelta) -> timedelta:
    """Return when within its first period a device is asked, so that not all are asked at once."""
    share = crc32(b"offset:" + device_id.encode()) / 2**32
    return share * min(period, timedelta(seconds=30))


def after_answer(
    state: DeviceState, at: datetime, values: tuple[PolledValue, ...], fault: Fault | None
) -> DeviceState:
    """Return the state after an answer; the fault is that of a value."""
    return replace(
        _answering(state, at, fault),
        last_seen=at,
        consecutive_failures=0,
        polls=state.polls + 1,
        successes=state.successes + 1,
        last_values=values,
    )


def after_storing(
    state: DeviceState, at: datetime, values: tuple[PolledValue, ...], fault: Fault | None
) -> DeviceState:
    """Return the state once storage took or refused readings; the fault is that of a value.

    Where the device does not even answer, that remains its status and its error.
    """
    answers = state.last_seen is not None and state.consecutive_failures == 0
    return replace(_answering(state, at, fault) if answers else state, last_values=values)


def _answering(state: DeviceState, at: datetime, fault: Fault | None) -> DeviceState:
    status = DeviceStatus.ONLINE if fault is None else DeviceStatus.DEGRADED
    return replace(
        state,
        status=status,
        status_since=state.status_since if status is state.status else at,
        last_error=None if fault is None else DeviceError(fault.code, fault.detail, at),
    )


def after_failure(state: DeviceState, at: datetime, fault: Fault) -> DeviceState:
    """Return the state after a poll without a usable answer."""
    failures = state.consecutive_failures + 1
    status = DeviceStatus.OFFLINE if failures >= OFFLINE_AFTER else DeviceStatus.DEGRADED
    return replace(
        state,
        status=status,
        status_since=state.status_since if status is state.status else at,
        last_error=DeviceError(fault.code, fault.detail, at),
        consecutive_failures=failures,
        polls=state.polls + 1,
        failures=state.failures + 1,
    )


def backoff(period: timedelta, consecutive_failures: int, fraction: float) -> timedelta:
    """Return how long to wait after so many failures; ``fraction`` (0 to 1) is the jitter.

    Doubling from the period up to five minutes; a device with a longer period keeps it.
    """
    doubled = period * 2 ** min(consecutive_failures, 32) if period < LONGEST_BACKOFF else period
    jittered = min(doubled, max(period, LONGEST_BACKOFF)) * (_LEAST_FACTOR + (1 - _LEAST_FACTOR) * fraction)
    return max(period, jittered)


class Latencies:
    """The latencies of the newest answers."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=LATENCIES_KEPT)

    def add(self, milliseconds: float) -> None:
        """Take one more."""
        self._newest.append(milliseconds)

    def percentiles(self) -> Latency | None:
        """Return the percentiles (nearest rank), None before the first answer."""
        return percentiles(self._newest)


def percentiles(milliseconds: Iterable[float]) -> Latency | None:
    """Return the percentiles by nearest rank."""
    ordered = sorted(milliseconds)
    if not ordered:
        return None

    def at(share: float) -> float:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Latency(at(0.5), at(0.95), at(0.99))
