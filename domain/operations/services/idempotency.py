"""Requests that carry an ``Idempotency-Key`` run once; later ones get the stored answer."""

from datetime import timedelta
from typing import Final

from domain.operations.errors import IdempotencyInProgressError, IdempotencyKeyReusedError
from domain.operations.model import IdempotencyClaim, StoredAnswer
from domain.operations.ports import OperationsUnitOfWork
from domain.shared.errors import InvalidError
from domain.shared.ports import Clock

KEPT: Final = timedelta(hours=24)
LAPSES_AFTER: Final = timedelta(seconds=60)
"""A claim without an answer is taken for a dead process's after this time."""

_MAX_KEY: Final = 255


class Idempotency:
    """Claims of keys, and the answers of the requests that held them."""

    def __init__(self, uow: OperationsUnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def begin(self, scope: str, key: str, request_hash: bytes) -> IdempotencyClaim | StoredAnswer:
        """Return the claim with which to run the request, or the answer of the first one.

        ``scope`` keeps the keys of different callers and paths apart.

        Raises:
            InvalidError: ``invalid_idempotency_key``.
            IdempotencyKeyReusedError: the key was used for another request.
            IdempotencyInProgressError: the first request still runs.

        """
        if not (1 <= len(key) <= _MAX_KEY and key.isprintable() and key.isascii()):
            raise InvalidError(
                "invalid_idempotency_key", f"Idempotency-Key needs 1 to {_MAX_KEY} printable ASCII characters"
            )
        now = self._clock.now()
        claim = IdempotencyClaim(scope=scope, key=key, request_hash=request_hash, claimed_at=now)
        async with self._uow.begin() as tx:
            if await tx.idempotency.claim(claim, lapsed_before=now - LAPSES_AFTER, expired_before=now - KEPT):
                return claim
            found = await tx.idempotency.find(scope, key)
        if found is None:
            # The holder gave its claim up between the two looks: its request has only just ended.
            raise IdempotencyInProgressError
        first_hash, answer = found
        if first_hash != request_hash:
            raise IdempotencyKeyReusedError
        if answer is None:
            raise IdempotencyInProgressError
        return answer

    async def complete(self, claim: IdempotencyClaim, answer: StoredAnswer) -> None:
        """Keep the answer for the next ones."""
        async with self._uow.begin() as tx:
            await tx.idempotency.complete(claim, answer, self._clock.now())

    async def release(self, claim: IdempotencyClaim) -> None:
        """Give the claim up: the request failed and may be tried again."""
        async with self._uow.begin() as tx:
            await tx.idempotency.release(claim)

    async def purge(self) -> int:
        """Delete what is older than 24 hours; return how many."""
        async with self._uow.begin() as tx:
            return await tx.idempotency.purge(self._clock.now() - KEPT)
