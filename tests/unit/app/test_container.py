from typing import Never

import pytest
from dishka import Provider, Scope, provide
from dishka.exceptions import ImplicitOverrideDetectedError

from adapters.memory.surroundings import MemoryClock
from app.container import make_container
from app.health import DatabaseCheck
from app.settings import read_settings
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import UnavailableError
from domain.shared.health import HealthStatus
from domain.shared.ports import Clock
from tests.memory_provider import MemoryProvider


async def test_every_binding_can_be_satisfied_and_nothing_is_made_before_it_is_asked_for() -> None:
    await make_container(read_settings({}, None)).close()


async def test_tests_bring_their_own_adapters() -> None:
    provider = MemoryProvider()
    container = make_container(read_settings({}, None), provider)
    api_keys = await container.get(ApiKeys)
    assert await api_keys.list() == []
    assert await container.get(Clock) is provider.clock
    await container.close()


async def test_an_override_that_is_not_marked_as_one_is_refused() -> None:
    class Silent(Provider):
        scope = Scope.APP
        clock = provide(MemoryClock, provides=Clock)

    with pytest.raises(ImplicitOverrideDetectedError):
        make_container(read_settings({}, None), Silent())


async def test_the_database_is_down_where_it_cannot_be_reached() -> None:
    container = make_container(read_settings({}, None), MemoryProvider())
    uow = await container.get(OperationsUnitOfWork)

    class Away(OperationsUnitOfWork):
        def begin(self) -> Never:
            raise UnavailableError("database_unavailable", "away")

    assert (await DatabaseCheck(uow).check()).status is HealthStatus.OK
    assert (await DatabaseCheck(Away()).check()).status is HealthStatus.DOWN
    await container.close()
