from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ingestion.device_state import (
    LONGEST_BACKOFF,
    Latencies,
    after_answer,
    after_failure,
    backoff,
    initial_offset,
    shard_of,
)
from domain.ingestion.model import SHARDS, DeviceId, DeviceState, DeviceStatus, Fault

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAULT = Fault("timeout", "no answer")


def test_statuses_follow_the_rules() -> None:
    state = DeviceState(device_id=DeviceId("AC1"))
    assert state.status is DeviceStatus.UNKNOWN
    assert state.success_rate is None
    statuses = []
    for _ in range(4):
        state = after_failure(state, NOW, FAULT)
        statuses.append(state.status.value)
    assert statuses == ["degraded", "degraded", "offline", "offline"]
    assert (state.consecutive_failures, state.last_seen) == (4, None)
    state = after_answer(state, NOW, (), None)
    assert (state.status, state.consecutive_failures, state.last_error) == (DeviceStatus.ONLINE, 0, None)
    state = after_answer(state, NOW, (), Fault("missing", "power"))
    assert state.status is DeviceStatus.DEGRADED
    assert (state.polls, state.successes, state.failures, state.success_rate) == (6, 2, 4, 2 / 6)


def test_a_status_knows_since_when() -> None:
    later = NOW + timedelta(minutes=1)
    state = after_answer(DeviceState(device_id=DeviceId("AC1")), NOW, (), None)
    assert after_answer(state, later, (), None).status_since == NOW
    assert after_failure(state, later, FAULT).status_since == later


@given(
    st.floats(min_value=0.01, max_value=86400),
    st.integers(min_value=1, max_value=10_000),
    st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_pauses_grow_to_five_minutes(seconds: float, failures: int, fraction: float) -> None:
    period = timedelta(seconds=seconds)
    pause = backoff(period, failures, fraction)
    assert period <= pause <= max(period, LONGEST_BACKOFF)


def test_pauses_double() -> None:
    second = timedelta(seconds=1)
    assert [backoff(second, failures, 1.0).total_seconds() for failures in (1, 2, 3, 20)] == [2, 4, 8, 300]


@given(st.text(alphabet="abcXYZ019._-", min_size=1))
def test_shards_and_offsets_are_within_bounds(name: str) -> None:
    assert 0 <= shard_of(DeviceId(name)) < SHARDS
    assert timedelta(0) <= initial_offset(DeviceId(name), timedelta(seconds=10)) < timedelta(seconds=10)


def test_devices_are_spread() -> None:
    names = [DeviceId(f"device-{number}") for number in range(1000)]
    per_shard = [sum(shard_of(name) == shard for name in names) for shard in range(SHARDS)]
    assert min(per_shard) > 10
    offsets = [initial_offset(name, timedelta(seconds=10)).total_seconds() for name in names]
    assert all(sum(second <= one < second + 1 for one in offsets) > 50 for second in range(10))


def test_percentiles_are_of_the_newest_answers() -> None:
    latencies = Latencies()
    assert latencies.percentiles() is None
    for number in range(1, 1001):
        latencies.add(float(number))
    found = latencies.percentiles()
    assert found is not None
    assert (found.p50, found.p95, found.p99) == (872.0, 988.0, 998.0)
