"""What runs beside the calls for demand response, over memory."""

import asyncio
from collections.abc import Callable

import pytest

from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from app.background import demand_response
from app.container import make_container
from app.settings import read_settings
from domain.demand_response.model import DeviceId, WorkerId
from domain.demand_response.services.scheduler import LEASE_TERM
from domain.shared.errors import InvalidError
from tests.memory_provider import MemoryProvider
from tests.unit.app.test_dr_bridges import AC1, configure


async def until(met: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110 - what is waited for knows nothing of the test
            await asyncio.sleep(0.01)


async def test_a_worker_looks_after_events_and_lets_go_at_the_end() -> None:
    provider = MemoryProvider()
    configure(provider, AC1)
    uow = MemoryDemandResponseUnitOfWork(provider.database, provider.clock)
    container = make_container(read_settings({"ROLE": "worker"}, None), provider)

    async def others_may() -> bool:
        async with uow.begin() as tx:
            return await tx.scheduler_leases.take(WorkerId("another"), LEASE_TERM) is not None

    async def is_there() -> bool:
        async with uow.begin() as tx:
            return bool(await tx.devices.find([DeviceId("AC_1")]))

    async with demand_response(container):
        async with asyncio.timeout(5):
            while not await is_there():  # noqa: ASYNC110 - what is waited for knows nothing of the test
                await asyncio.sleep(0.05)
        assert not await others_may()
    assert await others_may()
    await container.close()


async def test_a_process_that_only_answers_calls_leaves_it_to_others() -> None:
    provider = MemoryProvider()
    configure(provider, AC1)
    uow = MemoryDemandResponseUnitOfWork(provider.database, provider.clock)
    container = make_container(read_settings({"ROLE": "api"}, None), provider)
    async with demand_response(container):
        await asyncio.sleep(0.05)
        async with uow.begin() as tx:
            assert await tx.scheduler_leases.take(WorkerId("another"), LEASE_TERM) is not None
            assert not await tx.devices.find([DeviceId("AC_1")])
    await container.close()


async def test_a_faulty_configuration_keeps_nobody_from_moving_events_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = MemoryProvider()

    async def faulty() -> None:
        raise InvalidError("invalid_configuration", "it has faults")

    monkeypatch.setattr(provider.configuration, "load", faulty)
    container = make_container(read_settings({"ROLE": "worker"}, None), provider)
    async with demand_response(container):
        await until(lambda: "no polled devices" in caplog.text)
    await container.close()
