"""API keys, the audit trail, idempotent requests and the feed, in the schema ``ops``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from adapters.timescale.database import Database
from adapters.timescale.job_runs import TimescaleJobRunStore, TimescaleStorageEngineInfo
from adapters.timescale.outbox import TimescaleOutbox
from adapters.timescale.session import Session
from adapters.timescale.tables.ops import api_keys, audit, idempotency, outbox, topic_position
from domain.operations.model import (
    ApiKey,
    ApiKeyId,
    AuditEntry,
    FeedEntry,
    IdempotencyClaim,
    Role,
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
from domain.shared.events import Actor
from domain.shared.ports import EventCodec

_KEYS_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('ops.api_keys'))"
_ENVELOPE: Final = frozenset({"event_id", "occurred_at", "actor"})
"""What an audit entry has of its own."""


class TimescaleApiKeyStore(ApiKeyStore):
    """The table ``ops.api_keys``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold_back_others(self) -> None:
        await self._session.execute(text(_KEYS_LOCK))

    async def add(self, key: ApiKey) -> None:
        await self._session.execute(
            insert(api_keys).values(
                key_id=key.key_id,
                name=key.name,
                role=key.role.value,
                secret_hash=key.secret_hash,
                created_at=key.created_at,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
            )
        )

    async def list(self) -> Sequence[ApiKey]:
        newest_first = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.key_id.desc())
        return [_api_key(row) for row in await self._session.execute(newest_first)]

    async def get(self, key_id: ApiKeyId) -> ApiKey | None:
        found = await self._session.execute(select(api_keys).where(api_keys.c.key_id == key_id))
        row = found.one_or_none()
        return None if row is None else _api_key(row)

    async def find(self, secret_hash: bytes) -> ApiKey | None:
        found = await self._session.execute(select(api_keys).where(api_keys.c.secret_hash == secret_hash))
        row = found.one_or_none()
        return None if row is None else _api_key(row)

    async def revoke(self, key_id: ApiKeyId, at: datetime) -> bool:
        revoked = await self._session.execute(
            update(api_keys)
            .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )
        return revoked.rowcount == 1

    async def valid(self, key_ids: Collection[ApiKeyId], now: datetime) -> frozenset[ApiKeyId]:
        rows = await self._session.execute(
            select(api_keys.c.key_id).where(
                api_keys.c.key_id.in_(key_ids),
                api_keys.c.revoked_at.is_(None),
                api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > now),
            )
        )
        return frozenset(ApiKeyId(key_id) for key_id in rows.scalars())


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=ApiKeyId(row.key_id),
        name=row.name,
        role=Role(row.role),
        secret_hash=row.secret_hash,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


class TimescaleAuditTrail(AuditTrail):
    """The table ``ops.audit``, which `Session.flush` writes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self, limit: int, offset: int) -> tuple[Sequence[AuditEntry], int]:
        page = await self._session.execute(
            select(audit).order_by(audit.c.time.desc(), audit.c.event_id.desc()).limit(limit).offset(offset)
        )
        total = await self._session.execute(select(func.count()).select_from(audit))
        entries = [
            AuditEntry(
                time=row.time,
                actor=Actor(row.actor),
                action=row.action,
                subject=row.subject,
                detail={name: fact for name, fact in row.detail.items() if name not in _ENVELOPE},
            )
            for row in page
        ]
        return entries, int(total.scalar_one())


class TimescaleIdempotencyStore(IdempotencyStore):
    """The table ``ops.idempotency``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(
        self, claim: IdempotencyClaim, *, lapsed_before: datetime, expired_before: datetime
    ) -> bool:
        fresh: dict[str, object] = {
            "request_hash": claim.request_hash,
            "created_at": claim.claimed_at,
            "status": None,
            "headers": None,
            "body": None,
            "completed_at": None,
        }
        taken = idempotency.c
        claimed = await self._session.execute(
            upsert(idempotency)
            .values(
                scope=claim.scope, key=claim.key, request_hash=claim.request_hash, created_at=claim.claimed_at
            )
            .on_conflict_do_update(
                index_elements=[taken.scope, taken.key],
                set_=fresh,
                where=(taken.completed_at.is_(None) & (taken.created_at < lapsed_before))
                | (taken.created_at < expired_before),
            )
        )
        return claimed.rowcount == 1

    async def find(self, scope: str, key: str) -> tuple[bytes, StoredAnswer | None] | None:
        found = await self._session.execute(
            select(idempotency).where(idempotency.c.scope == scope, idempotency.c.key == key)
        )
        row = found.one_or_none()
        if row is None:
            return None
        if row.completed_at is None:
            return row.request_hash, None
        headers = tuple((name, value) for name, value in row.headers)
        return row.request_hash, StoredAnswer(status=row.status, headers=headers, body=row.body)

    async def complete(self, claim: IdempotencyClaim, answer: StoredAnswer, at: datetime) -> None:
        await self._session.execute(
            update(idempotency)
            .where(*_held_by(claim))
            .values(status=answer.status, headers=answer.headers, body=answer.body, completed_at=at)
        )

    async def release(self, claim: IdempotencyClaim) -> None:
        await self._session.execute(
            delete(idempotency).where(*_held_by(claim), idempotency.c.completed_at.is_(None))
        )

    async def purge(self, before: datetime) -> int:
        purged = await self._session.execute(delete(idempotency).where(idempotency.c.created_at < before))
        return int(purged.rowcount)


def _held_by(claim: IdempotencyClaim) -> tuple[Any, ...]:
    return (
        idempotency.c.scope == claim.scope,
        idempotency.c.key == claim.key,
        idempotency.c.created_at == claim.claimed_at,
    )


class TimescaleFeed(Feed):
    """The published rows of ``ops.outbox``."""

    def __init__(self, session: Session, codec: EventCodec) -> None:
        self._session = session
        self._codec = codec

    async def positions(self) -> Mapping[Topic, int]:
        rows = await self._session.execute(select(topic_position))
        known = {row.topic: row.seq for row in rows}
        return {topic: known.get(topic.value, 0) for topic in Topic}

    async def position(self, topic: Topic) -> int:
        found = await self._session.execute(
            select(topic_position.c.seq).where(topic_position.c.topic == topic.value)
        )
        return found.scalar_one_or_none() or 0

    async def before(self, topic: Topic, time: datetime) -> int:
        # Numbers have no gaps, so the one before the first that was published later is what is asked for;
        # that holds as well where it has been deleted itself.
        first_later = await self._session.execute(
            select(outbox.c.seq)
            .where(outbox.c.topic == topic.value, outbox.c.seq.is_not(None), outbox.c.published_at >= time)
            .order_by(outbox.c.published_at, outbox.c.seq)
            .limit(1)
        )
        seq = first_later.scalar_one_or_none()
        return await self.position(topic) if seq is None else seq - 1

    async def after(self, topic: Topic, seq: int, limit: int) -> Sequence[FeedEntry]:
        entries: list[FeedEntry] = []
        while len(entries) < limit:
            rows = await self._session.driver.fetch(
                "SELECT seq, published_at, type, payload::text AS payload FROM ops.outbox "
                "WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                topic.value,
                seq,
                limit - len(entries),
            )
            entries.extend(self._readable(topic, rows))
            if len(rows) == 0 or len(entries) == limit:
                break
            seq = rows[-1]["seq"]
        return entries

    def _readable(self, topic: Topic, rows: Sequence[Any]) -> list[FeedEntry]:
        entries = []
        for row in rows:
            try:
                event = self._codec.decode(row["type"], row["payload"])
            except (KeyError, ValueError):
                continue
            entries.append(FeedEntry(topic=topic, seq=row["seq"], time=row["published_at"], event=event))
        return entries


@dataclass(frozen=True, slots=True)
class TimescaleOperationsTransaction(OperationsTransaction):
    """A running transaction."""

    api_keys: TimescaleApiKeyStore
    audit: TimescaleAuditTrail
    idempotency: TimescaleIdempotencyStore
    feed: TimescaleFeed
    outbox: TimescaleOutbox
    job_runs: TimescaleJobRunStore
    storage: TimescaleStorageEngineInfo
    events: Session


class TimescaleOperationsUnitOfWork(OperationsUnitOfWork):
    """Transactions in the role ``ops``."""

    def __init__(self, database: Database, codec: EventCodec) -> None:
        self._database = database
        self._codec = codec

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[TimescaleOperationsTransaction]:
        async with self._database.transaction("ops") as session:
            yield TimescaleOperationsTransaction(
                api_keys=TimescaleApiKeyStore(session),
                audit=TimescaleAuditTrail(session),
                idempotency=TimescaleIdempotencyStore(session),
                feed=TimescaleFeed(session, self._codec),
                outbox=TimescaleOutbox(session, self._codec),
                job_runs=TimescaleJobRunStore(session),
                storage=TimescaleStorageEngineInfo(session),
                events=session,
            )
