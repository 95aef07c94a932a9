"""API keys, the audit trail, idempotent requests and the feed, in memory."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from adapters.memory.database import MemoryDatabase, MemorySession
from adapters.memory.job_runs import MemoryJobRunStore, MemoryStorageEngineInfo
from adapters.memory.outbox import MemoryOutbox, OutboxState
from adapters.memory.surroundings import MemoryClock
from domain.operations.model import (
    ApiKey,
    ApiKeyId,
    AuditEntry,
    FeedEntry,
    IdempotencyClaim,
    StoredAnswer,
    Topic,
)
from domain.operations.ports import (
    ApiKeyStore,
    AuditTrail,
    Feed,
    IdempotencyStore,
    OperationsTransaction,
    OperationsUnitOfWork,
)
from domain.shared.errors import ConflictError
from domain.shared.ports import Clock, EventCodec

_ENVELOPE: Final = frozenset({"event_id", "occurred_at", "actor"})
_STANDING: Final = MemoryClock()


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A claim, and the answer of its request once there is one."""

    claim: IdempotencyClaim
    answer: StoredAnswer | None = None
    completed_at: datetime | None = None


@dataclass(slots=True)
class OperationsState:
    """The keys, and the idempotent requests with their answers."""

    keys: dict[ApiKeyId, ApiKey] = field(default_factory=dict)
    requests: dict[tuple[str, str], KeptRequest] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OperationsState":
        return OperationsState(dict(self.keys), dict(self.requests))


class MemoryApiKeyStore(ApiKeyStore):
    """Keys in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._keys = session.state(OperationsState).keys

    async def hold_back_others(self) -> None:
        """Do nothing: transactions in memory run one after the other."""

    async def add(self, key: ApiKey) -> None:
        if await self.find(key.secret_hash) is not None:
            raise ConflictError("api_key_exists", "there is such a key already")
        self._keys[key.key_id] = key

    async def list(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.key_id), reverse=True)

    async def get(self, key_id: ApiKeyId) -> ApiKey | None:
        return self._keys.get(key_id)

    async def find(self, secret_hash: bytes) -> ApiKey | None:
        return next((key for key in self._keys.values() if key.secret_hash == secret_hash), None)

    async def revoke(self, key_id: ApiKeyId, at: datetime) -> bool:
        key = self._keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        self._keys[key_id] = replace(key, revoked_at=at)
        return True

    async def valid(self, key_ids: Collection[ApiKeyId], now: datetime) -> frozenset[ApiKeyId]:
        return frozenset(
            key_id for key_id in key_ids if key_id in self._keys and self._keys[key_id].is_valid(now)
        )


class MemoryAuditTrail(AuditTrail):
    """The committed events that have an actor."""

    def __init__(self, database: MemoryDatabase, codec: EventCodec) -> None:
        self._database = database
        self._codec = codec

    async def list(self, limit: int, offset: int) -> tuple[Sequence[AuditEntry], int]:
        newest_first = sorted(
            self._database.audit, key=lambda event: (event.occurred_at, event.event_id), reverse=True
        )
        entries = []
        for event in newest_first[offset : offset + limit]:
            encoded = self._codec.encode(event)
            facts = json.loads(encoded.payload)
            entries.append(
                AuditEntry(
                    time=event.occurred_at,
                    actor=event.actor,
                    action=encoded.type,
                    subject=event.subject,
                    detail={name: fact for name, fact in facts.items() if name not in _ENVELOPE},
                )
            )
        return entries, len(newest_first)


class MemoryIdempotencyStore(IdempotencyStore):
    """Requests and their answers in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._requests = session.state(OperationsState).requests

    async def claim(
        self, claim: IdempotencyClaim, *, lapsed_before: datetime, expired_before: datetime
    ) -> bool:
        if (held := self._requests.get((claim.scope, claim.key))) is not None:
            lapsed = held.completed_at is None and held.claim.claimed_at < lapsed_before
            if not (lapsed or held.claim.claimed_at < expired_before):
                return False
        self._requests[claim.scope, claim.key] = KeptRequest(claim)
        return True

    async def find(self, scope: str, key: str) -> tuple[bytes, StoredAnswer | None] | None:
        held = self._requests.get((scope, key))
        return None if held is None else (held.claim.request_hash, held.answer)

    async def complete(self, claim: IdempotencyClaim, answer: StoredAnswer, at: datetime) -> None:
        if self._held_by(claim) is not None:
            self._requests[claim.scope, claim.key] = KeptRequest(claim, answer, at)

    async def release(self, claim: IdempotencyClaim) -> None:
        held = self._held_by(claim)
        if held is not None and held.completed_at is None:
            del self._requests[claim.scope, claim.key]

    async def purge(self, before: datetime) -> int:
        gone = [place for place, held in self._requests.items() if held.claim.claimed_at < before]
        for place in gone:
            del self._requests[place]
        return len(gone)

    def _held_by(self, claim: IdempotencyClaim) -> KeptRequest | None:
        held = self._requests.get((claim.scope, claim.key))
        return held if held is not None and held.claim.claimed_at == claim.claimed_at else None


class MemoryFeed(Feed):
    """The published rows of the outbox."""

    def __init__(self, session: MemorySession) -> None:
        self._outbox = session.state(OutboxState)

    async def positions(self) -> Mapping[Topic, int]:
        return {topic: self._outbox.positions.get(topic, 0) for topic in Topic}

    async def position(self, topic: Topic) -> int:
        return self._outbox.positions.get(topic, 0)

    async def before(self, topic: Topic, time: datetime) -> int:
        later = [entry.seq for entry in self._entries(topic) if entry.time >= time]
        return later[0] - 1 if later else await self.position(topic)

    async def after(self, topic: Topic, seq: int, limit: int) -> Sequence[FeedEntry]:
        return [entry for entry in self._entries(topic) if entry.seq > seq][:limit]

    def _entries(self, topic: Topic) -> list[FeedEntry]:
        entries = [
            FeedEntry(topic=topic, seq=row.seq, time=row.published_at, event=row.entry.event)
            for row in self._outbox.rows.values()
            if row.entry.topic is topic and row.seq and row.published_at and row.entry.event
        ]
        return sorted(entries, key=lambda entry: entry.seq)


@dataclass(frozen=True, slots=True)
class MemoryOperationsTransaction(OperationsTransaction):
    """A running transaction."""

    api_keys: MemoryApiKeyStore
    audit: MemoryAuditTrail
    idempotency: MemoryIdempotencyStore
    feed: MemoryFeed
    outbox: MemoryOutbox
    job_runs: MemoryJobRunStore
    storage: MemoryStorageEngineInfo
    events: MemorySession


class MemoryOperationsUnitOfWork(OperationsUnitOfWork):
    """Transactions of this module on a `MemoryDatabase`; ``clock`` is the one of the slots of jobs."""

    def __init__(self, database: MemoryDatabase, codec: EventCodec, clock: Clock = _STANDING) -> None:
        self._database = database
        self._codec = codec
        self._clock = clock

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryOperationsTransaction]:
        async with self._database.transaction() as session:
            yield MemoryOperationsTransaction(
                api_keys=MemoryApiKeyStore(session),
                audit=MemoryAuditTrail(self._database, self._codec),
                idempotency=MemoryIdempotencyStore(session),
                feed=MemoryFeed(session),
                outbox=MemoryOutbox(session, self._database, self._codec),
                job_runs=MemoryJobRunStore(session, self._clock),
                storage=MemoryStorageEngineInfo(session),
                events=session,
            )
