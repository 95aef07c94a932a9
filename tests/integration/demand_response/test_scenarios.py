"""What the units show over memory goes the same way over PostgreSQL, where transactions really overlap."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Final

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.surroundings import MemoryClock
from adapters.timescale.database import Database
from adapters.timescale.demand_response import TimescaleDemandResponseUnitOfWork
from domain.demand_response import events
from domain.shared.events import DomainEvent
from tests.unit.demand_response import site
from tests.unit.demand_response import test_answers as answers
from tests.unit.demand_response import test_dispatch as dispatch
from tests.unit.demand_response import test_load_reduction as load_reduction
from tests.unit.demand_response import test_overlaps as overlaps
from tests.unit.demand_response import test_restarts as restarts

Scenario = Callable[[], Awaitable[None]]

BY_ITS_OWN_CLOCK: Final = {
    # The database's clock cannot be advanced until a lease or a claim lapses.
    "test_a_command_whose_sender_died_is_sent_once_more_with_its_key",
    "test_a_service_that_was_down_at_the_end_releases_late",
    "test_of_two_schedulers_one_does_the_work",
}


def scenarios(*modules: ModuleType) -> Iterator[Scenario]:
    for module in modules:
        for name, one in inspect.getmembers(module, inspect.iscoroutinefunction):
            is_test = name.startswith("test_") and name not in BY_ITS_OWN_CLOCK
            if is_test and not inspect.signature(one).parameters:
                yield one


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    found = inspect.getmembers(events, inspect.isclass)
    return JsonEventCodec(
        [one for _, one in found if issubclass(one, DomainEvent) and one.__module__ == events.__name__], {}
    )


@pytest.fixture
def in_database(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes of a site keep all they have in the database; what happened is told as in memory."""
    listening: list[MemoryDatabase] = []

    def begin(memory: MemoryDatabase, _: MemoryClock) -> TimescaleDemandResponseUnitOfWork:
        if memory not in listening:
            database.on_commit(memory.events.extend)
            listening.append(memory)
        return TimescaleDemandResponseUnitOfWork(database)

    monkeypatch.setattr(site, "MemoryDemandResponseUnitOfWork", begin)


@pytest.mark.usefixtures("in_database")
@pytest.mark.parametrize(
    "scenario",
    list(scenarios(answers, dispatch, load_reduction, overlaps, restarts)),
    ids=lambda scenario: scenario.__name__.removeprefix("test_"),
)
async def test_over_database(scenario: Scenario) -> None:
    await scenario()
