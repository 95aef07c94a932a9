from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ingestion.model import (
    DeviceError,
    DeviceId,
    DeviceState,
    DeviceStatus,
    Fault,
    FencedState,
    Latency,
    PolledValue,
    SensorId,
    ShardLease,
    WorkerId,
)
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.sources import PollTotals

NOW = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
ME = WorkerId("me")
TERM = timedelta(seconds=15)

EMPTY = DeviceState(device_id=DeviceId("A"))
FULL = DeviceState(
    device_id=DeviceId("A"),
    status=DeviceStatus.DEGRADED,
    status_since=NOW,
    last_seen=NOW,
    last_error=DeviceError("missing", "power: the answer has no 'power'", NOW),
    consecutive_failures=2,
    next_poll=NOW + timedelta(seconds=3),
    polls=10_000_000_000,
    successes=7,
    failures=3,
    latency=Latency(1.5, 2.5, 3.5),
    readings_stored=10_000_000_000,
    last_values=(
        PolledValue(tag="a", type="power", sensor_id=SensorId("A.power"), unit="W", value=1e100, time=NOW),
        PolledValue(tag="m", type="mode", sensor_id=None, unit=None, value="é\\u0000x", time=NOW),
        PolledValue(
            tag="x",
            type="co2",
            sensor_id=None,
            unit="ppm",
            value=None,
            time=None,
            fault=Fault("missing", "x"),
        ),
    ),
)


async def lease(uow: IngestionUnitOfWork) -> ShardLease:
    async with uow.begin() as tx:
        return (await tx.shard_leases.hold(ME, TERM))[0]


@pytest.mark.parametrize("state", [EMPTY, FULL])
async def test_a_state_comes_back_as_it_was_saved(uow: IngestionUnitOfWork, state: DeviceState) -> None:
    held = await lease(uow)
    for saved in (EMPTY, state, state):
        async with uow.begin() as tx:
            assert list(await tx.device_statuses.save([FencedState(saved, held)])) == ["A"]
    async with uow.begin() as tx:
        found = await tx.device_statuses.get([DeviceId("A"), DeviceId("nobody")])
    assert list(found) == ["A"]
    assert found[DeviceId("A")] == state


async def test_what_rolls_back_is_not_kept(uow: IngestionUnitOfWork) -> None:
    held = await lease(uow)

    async def fail() -> None:
        async with uow.begin() as tx:
            await tx.device_statuses.save([FencedState(FULL, held)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with uow.begin() as tx:
        assert not await tx.device_statuses.get([DeviceId("A")])


async def test_a_state_under_a_lost_lease_is_not_kept(uow: IngestionUnitOfWork) -> None:
    held = await lease(uow)
    lost = ShardLease(held.shard, held.fence - 1)
    other = DeviceState(device_id=DeviceId("B"))
    async with uow.begin() as tx:
        saved = await tx.device_statuses.save([FencedState(FULL, lost), FencedState(other, held)])
    assert list(saved) == ["B"]
    async with uow.begin() as tx:
        assert list(await tx.device_statuses.get([DeviceId("A"), DeviceId("B")])) == ["B"]


async def test_totals_are_of_all_devices_of_which_something_is_kept(uow: IngestionUnitOfWork) -> None:
    held = await lease(uow)
    other = DeviceState(device_id=DeviceId("B"), polls=3, successes=2, failures=1, readings_stored=5)
    async with uow.begin() as tx:
        await tx.device_statuses.save([FencedState(FULL, held), FencedState(other, held)])
        assert await tx.device_statuses.totals() == PollTotals(
            polls=10_000_000_003, successes=9, failures=4, readings_stored=10_000_000_005
        )


async def test_nothing_is_nothing(uow: IngestionUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.device_statuses.totals() == PollTotals()
        assert not await tx.device_statuses.get([])
        assert not await tx.device_statuses.save([])


printable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=printable, number=st.floats(min_value=-1e100, max_value=1e100))
async def test_any_last_values_come_back(uow: IngestionUnitOfWork, text: str, number: float) -> None:
    values = tuple(
        PolledValue(tag=text, type="t", sensor_id=None, unit=None, value=value, time=NOW)
        for value in (text, number)
    )
    held = await lease(uow)
    state = DeviceState(device_id=DeviceId("A"), last_values=values)
    async with uow.begin() as tx:
        await tx.device_statuses.save([FencedState(state, held)])
        assert (await tx.device_statuses.get([DeviceId("A")]))[DeviceId("A")] == state
