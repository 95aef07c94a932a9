"""Device states and shard leases in PostgreSQL."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.configurations import TimescaleConfigurationStore
from adapters.timescale.contents import TimescaleContentStore
from adapters.timescale.database import Database
from adapters.timescale.files import TimescaleFileStore
from adapters.timescale.scans import TimescaleScanStore
from adapters.timescale.session import Session
from adapters.timescale.tables.ingestion import device_status, poll_shards, poll_workers
from domain.ingestion.configuration_ports import ConfigurationStore
from domain.ingestion.file_ports import ContentStore, FileStore, ScanStore
from domain.ingestion.model import (
    SHARDS,
    DeviceError,
    DeviceId,
    DeviceState,
    DeviceStatus,
    FencedState,
    Latency,
    PolledValue,
    ShardLease,
    WorkerId,
)
from domain.ingestion.ports import (
    DeviceStatusStore,
    IngestionTransaction,
    IngestionUnitOfWork,
    ShardLeases,
)
from domain.ingestion.shard_shares import share_out
from domain.ingestion.sources import PollTotals
from domain.shared.ports import EventSink

_VALUES_ENCODER: Final = msgspec.json.Encoder()
_TOTALS: Final = ("polls", "successes", "failures", "readings_stored")

# A state counts only under a lease that is still in force; FOR SHARE holds off a change of hands until
# this transaction has ended.
_SAVE: Final = """
WITH fenced AS MATERIALIZED (
  SELECT shard, fence FROM ingestion.poll_shards WHERE shard = ANY($18::smallint[]) FOR SHARE
), given AS (
  SELECT s.* FROM unnest(
    $1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::timestamptz[],
    $8::integer[], $9::timestamptz[], $10::bigint[], $11::bigint[], $12::bigint[],
    $13::float8[], $14::float8[], $15::float8[], $16::bigint[], $17::jsonb[], $18::smallint[], $19::bigint[]
  ) AS s (device_id, status, status_since, last_seen, error_code, error_detail, error_time,
    consecutive_failures, next_poll, polls, successes, failures,
    latency_p50_ms, latency_p95_ms, latency_p99_ms, readings_stored, last_values, shard, fence)
  JOIN fenced USING (shard, fence)
)
INSERT INTO ingestion.device_status (device_id, status, status_since, last_seen, error_code, error_detail,
  error_time, consecutive_failures, next_poll, polls, successes, failures, latency_p50_ms, latency_p95_ms,
  latency_p99_ms, readings_stored, last_values)
SELECT device_id, status, status_since, last_seen, error_code, error_detail, error_time, consecutive_failures,
  next_poll, polls, successes, failures, latency_p50_ms, latency_p95_ms, latency_p99_ms, readings_stored,
  last_values
FROM given ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
  (status, status_since, last_seen, error_code, error_detail, error_time, consecutive_failures, next_poll,
   polls, successes, failures, latency_p50_ms, latency_p95_ms, latency_p99_ms, readings_stored, last_values,
   updated_at)
  = (excluded.status, excluded.status_since, excluded.last_seen, excluded.error_code, excluded.error_detail,
   excluded.error_time, excluded.consecutive_failures, excluded.next_poll, excluded.polls, excluded.successes,
   excluded.failures, excluded.latency_p50_ms, excluded.latency_p95_ms, excluded.latency_p99_ms,
   excluded.readings_stored, excluded.last_values, now())
RETURNING device_id
"""


def _row(state: DeviceState) -> tuple[object, ...]:
    error, latency = state.last_error, state.latency
    return (
        state.device_id,
        state.status.value,
        state.status_since,
        state.last_seen,
        error.code if error else None,
        error.detail if error else None,
        error.time if error else None,
        state.consecutive_failures,
        state.next_poll,
        state.polls,
        state.successes,
        state.failures,
        latency.p50 if latency else None,
        latency.p95 if latency else None,
        latency.p99 if latency else None,
        state.readings_stored,
        _VALUES_ENCODER.encode(state.last_values).decode(),
    )


def _state(row: Any) -> DeviceState:  # noqa: ANN401 - a row of SQLAlchemy
    error_time: datetime | None = row.error_time
    return DeviceState(
        device_id=DeviceId(row.device_id),
        status=DeviceStatus(row.status),
        status_since=row.status_since,
        last_seen=row.last_seen,
        last_error=DeviceError(row.error_code, row.error_detail, error_time) if error_time else None,
        consecutive_failures=row.consecutive_failures,
        next_poll=row.next_poll,
        polls=row.polls,
        successes=row.successes,
        failures=row.failures,
        latency=None
        if row.latency_p50_ms is None
        else Latency(row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms),
        readings_stored=row.readings_stored,
        last_values=msgspec.convert(row.last_values, tuple[PolledValue, ...]),
    )


class TimescaleDeviceStatusStore(DeviceStatusStore):
    """One row per device, all changed ones written in one statement."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeviceState]:
        if not device_ids:
            return {}
        statement = select(device_status).where(device_status.c.device_id == func.any(list(device_ids)))
        rows = await self._session.execute(statement)
        return {DeviceId(row.device_id): _state(row) for row in rows}

    async def totals(self) -> PollTotals:
        sums = [func.coalesce(func.sum(device_status.c[name]), 0).label(name) for name in _TOTALS]
        row = (await self._session.execute(select(*sums))).mappings().one()
        return PollTotals(**{name: int(row[name]) for name in _TOTALS})

    async def save(self, states: Sequence[FencedState]) -> Collection[DeviceId]:
        if not states:
            return ()
        columns = [list(column) for column in zip(*(_row(one.state) for one in states), strict=True)]
        shards = [one.lease.shard for one in states]
        fences = [one.lease.fence for one in states]
        rows = await self._session.driver.fetch(_SAVE, *columns, shards, fences)
        return [DeviceId(row["device_id"]) for row in rows]


class TimescaleShardLeases(ShardLeases):
    """Leases by the database's clock, so that the clocks of the workers need not agree."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hold(self, worker: WorkerId, term: timedelta) -> Sequence[ShardLease]:
        # The rows are locked first: workers that come at once see each other's outcome.
        locked = select(
            poll_shards.c.shard,
            poll_shards.c.worker,
            poll_shards.c.fence,
            (poll_shards.c.lease_until > func.clock_timestamp()).label("in_force"),
        )
        locked = locked.order_by(poll_shards.c.shard).with_for_update()
        shards = (await self._session.execute(locked)).all()
        if len(shards) < SHARDS:
            rows = [{"shard": number} for number in range(SHARDS)]
            await self._session.execute(insert(poll_shards).values(rows).on_conflict_do_nothing())
            shards = (await self._session.execute(locked)).all()
        alive_until = func.clock_timestamp() + term
        seen = insert(poll_workers).values(worker=worker, alive_until=alive_until)
        await self._session.execute(
            seen.on_conflict_do_update(
                index_elements=["worker"], set_={"alive_until": seen.excluded.alive_until}
            )
        )
        gone = delete(poll_workers).where(poll_workers.c.alive_until <= func.clock_timestamp())
        await self._session.execute(gone)
        alive = (await self._session.execute(select(func.count()).select_from(poll_workers))).scalar_one()
        decision = share_out(
            worker,
            alive,
            [(row.shard, WorkerId(row.worker) if row.worker and row.in_force else None) for row in shards],
        )
        fences = {row.shard: row.fence for row in shards}
        await self._change(decision.given_up, {"worker": None, "lease_until": None})
        await self._change(decision.kept, {"lease_until": alive_until})
        await self._change(
            decision.taken, {"worker": worker, "lease_until": alive_until, "fence": poll_shards.c.fence + 1}
        )
        leases = [ShardLease(shard, fences[shard]) for shard in decision.kept]
        leases += [ShardLease(shard, fences[shard] + 1) for shard in decision.taken]
        return sorted(leases, key=lambda lease: lease.shard)

    async def release(self, worker: WorkerId) -> None:
        await self._session.execute(
            select(true()).select_from(poll_shards).order_by(poll_shards.c.shard).with_for_update()
        )
        mine = update(poll_shards).where(poll_shards.c.worker == worker)
        await self._session.execute(mine.values(worker=None, lease_until=None))
        await self._session.execute(delete(poll_workers).where(poll_workers.c.worker == worker))

    async def _change(self, shards: Sequence[int], values: Mapping[str, object]) -> None:
        if shards:
            await self._session.execute(
                update(poll_shards).where(poll_shards.c.shard.in_(shards)).values(**values)
            )


@dataclass(frozen=True, slots=True)
class TimescaleIngestionTransaction(IngestionTransaction):
    """What one transaction in the role ``ingestion`` offers."""

    device_statuses: DeviceStatusStore
    shard_leases: ShardLeases
    configurations: ConfigurationStore
    files: FileStore
    contents: ContentStore
    scans: ScanStore
    events: EventSink


class TimescaleIngestionUnitOfWork(IngestionUnitOfWork):
    """Opens transactions in the role ``ingestion``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[IngestionTransaction]:
        async with self._database.transaction("ingestion") as session:
            yield TimescaleIngestionTransaction(
                device_statuses=TimescaleDeviceStatusStore(session),
                shard_leases=TimescaleShardLeases(session),
                configurations=TimescaleConfigurationStore(session),
                files=TimescaleFileStore(session),
                contents=TimescaleContentStore(session),
                scans=TimescaleScanStore(session),
                events=session,
            )
