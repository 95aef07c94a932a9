import asyncio
from datetime import timedelta

import pytest

from adapters.memory.surroundings import MemoryClock
from domain.operations.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from domain.operations.model import IdempotencyClaim, StoredAnswer
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.idempotency import Idempotency
from domain.shared.errors import InvalidError

ANSWER = StoredAnswer(status=201, headers=(("content-type", "x/y"), ("location", "/ü")), body=b"\x00\xff{}")


@pytest.fixture
def requests(uow: OperationsUnitOfWork, clock: MemoryClock) -> Idempotency:
    return Idempotency(uow, clock)


async def claim(requests: Idempotency, key: str = "k", body: bytes = b"1") -> IdempotencyClaim:
    begun = await requests.begin("ada POST /sensors", key, body)
    assert isinstance(begun, IdempotencyClaim)
    return begun


async def test_the_second_request_gets_the_answer_of_the_first(requests: Idempotency) -> None:
    await requests.complete(await claim(requests), ANSWER)
    assert await requests.begin("ada POST /sensors", "k", b"1") == ANSWER
    with pytest.raises(IdempotencyKeyReusedError):
        await requests.begin("ada POST /sensors", "k", b"2")
    assert isinstance(await requests.begin("bob POST /sensors", "k", b"2"), IdempotencyClaim)


async def test_while_the_first_runs_the_second_is_told_so(requests: Idempotency) -> None:
    first = await claim(requests)
    with pytest.raises(IdempotencyInProgressError):
        await claim(requests)
    with pytest.raises(IdempotencyKeyReusedError):
        await claim(requests, body=b"2")
    await requests.release(first)
    await claim(requests, body=b"2")


async def test_of_many_at_once_one_runs(requests: Idempotency) -> None:
    begun = await asyncio.gather(*(claim(requests) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(one, IdempotencyClaim) for one in begun) == 1
    assert sum(isinstance(one, IdempotencyInProgressError) for one in begun) == 7


async def test_the_claim_of_a_dead_process_lapses(requests: Idempotency, clock: MemoryClock) -> None:
    dead = await claim(requests)
    clock.advance(timedelta(seconds=60))
    with pytest.raises(IdempotencyInProgressError):
        await claim(requests)
    clock.advance(timedelta(seconds=1))
    second = await claim(requests)
    # The first was slow, not dead: what it brings too late must not pass for the second one's answer.
    await requests.complete(dead, ANSWER)
    await requests.release(dead)
    with pytest.raises(IdempotencyInProgressError):
        await claim(requests)
    await requests.complete(second, ANSWER)
    await requests.release(second)
    assert await requests.begin("ada POST /sensors", "k", b"1") == ANSWER


async def test_answers_are_kept_for_a_day(requests: Idempotency, clock: MemoryClock) -> None:
    await requests.complete(await claim(requests), ANSWER)
    clock.advance(timedelta(hours=24))
    assert await requests.begin("ada POST /sensors", "k", b"1") == ANSWER
    assert await requests.purge() == 0
    clock.advance(timedelta(seconds=1))
    await requests.complete(await claim(requests, body=b"another"), ANSWER)
    clock.advance(timedelta(hours=25))
    assert await requests.purge() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "a\nb", "ü", "\ud800"])
async def test_a_hostile_key_is_refused(requests: Idempotency, key: str) -> None:
    with pytest.raises(InvalidError) as refused:
        await requests.begin("scope", key, b"")
    assert refused.value.code == "invalid_idempotency_key"
