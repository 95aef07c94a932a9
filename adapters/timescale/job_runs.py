"""Claims on the slots of periodic jobs in PostgreSQL, and what the database itself is."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, func

from adapters.timescale.session import Session
from adapters.timescale.tables.jobs import job_runs
from domain.operations.job_ports import JobRunStore, StorageEngineInfo
from domain.operations.jobs import (
    MOST_ATTEMPTS,
    STEP_BACK,
    JobBoard,
    JobClaim,
    JobEnd,
    JobName,
    JobOutcome,
    JobPlan,
    JobRun,
    JobState,
    WorkerName,
)
from domain.operations.storage_engine import POSTGRESQL, TIMESCALEDB, StorageEngine

# As JobState.claimable says. Every job has one row that is updated in place, so that its slots exclude each
# other, and one that runs every few seconds leaves nothing behind.
_CLAIMABLE: Final = f"""coalesce(
    NOT coalesce(held.worker IS NOT NULL AND held.free_at > wanted.at
        AND held.free_at <= wanted.at + $4 + interval '{STEP_BACK.total_seconds()} seconds', false)
    AND (wanted.slot > held.slot OR wanted.slot + $2 < held.slot OR wanted.slot = held.slot AND (
        held.worker IS NOT NULL AND held.attempts < {MOST_ATTEMPTS}
        OR held.worker IS NULL AND held.free_at <= wanted.at)), false)"""

# What is not due is seen before the upsert, which would lock the row, and so write, even to change nothing.
# A row that came or changed after that look is judged again by the upsert itself, once it has waited for it.
_CLAIM: Final = f"""
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp() AS at
), wanted AS MATERIALIZED (
  SELECT at, date_bin($2::interval, at, to_timestamp(0)) AS slot FROM clock
), claimed AS (
  INSERT INTO ops.jobs AS held (job, every, slot, fence, attempts, claimed_at, worker, free_at)
  SELECT $1::text, $2::interval, slot, 1, 1, at, $3::text, at + $4::interval FROM wanted
  WHERE NOT EXISTS (SELECT FROM ops.jobs AS held WHERE held.job = $1 AND NOT {_CLAIMABLE})
  ON CONFLICT (job) DO UPDATE SET
    every = excluded.every,
    slot = excluded.slot,
    fence = held.fence + 1,
    attempts = CASE WHEN held.slot = excluded.slot THEN held.attempts + 1 ELSE 1 END,
    claimed_at = excluded.claimed_at,
    worker = excluded.worker,
    free_at = excluded.free_at
  WHERE (SELECT {_CLAIMABLE} FROM wanted)
  RETURNING job, slot, fence, attempts, claimed_at, worker
), recorded AS (
  INSERT INTO ops.job_runs AS run (job, slot, attempts, worker, started_at)
  SELECT job, slot, attempts, worker, claimed_at FROM claimed WHERE $5::boolean
  ON CONFLICT (job, slot) DO UPDATE SET attempts = excluded.attempts, worker = excluded.worker,
    started_at = excluded.started_at, ended_at = NULL, outcome = NULL, error = NULL
)
SELECT slot, fence, attempts FROM claimed
"""  # noqa: S608 - our own numbers

_RENEW: Final = """
UPDATE ops.jobs SET free_at = clock_timestamp() + $3::interval
WHERE job = $1 AND fence = $2 AND worker IS NOT NULL
RETURNING fence
"""

_END: Final = """
WITH ended AS (
  UPDATE ops.jobs SET worker = NULL, free_at = clock_timestamp() + $5::interval,
    started_at = claimed_at, ended_at = greatest(clock_timestamp(), claimed_at), outcome = $3, error = $4
  WHERE job = $1 AND fence = $2 AND worker IS NOT NULL
  RETURNING job, slot, ended_at, outcome, error
), recorded AS (
  UPDATE ops.job_runs AS run SET ended_at = ended.ended_at, outcome = ended.outcome, error = ended.error
  FROM ended WHERE run.job = ended.job AND run.slot = ended.slot
)
SELECT count(*) FROM ended
"""

_RELEASE: Final = """
UPDATE ops.jobs SET worker = NULL, free_at = clock_timestamp(), attempts = attempts - 1
WHERE job = $1 AND fence = $2 AND worker IS NOT NULL
"""

_BOARD: Final = """
SELECT clock.now, jobs.* FROM (SELECT clock_timestamp() AS now) AS clock LEFT JOIN ops.jobs ON true
"""

_ENGINE: Final = """
SELECT current_setting('server_version') AS postgresql,
  (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'timescaledb') AS timescaledb
"""


class TimescaleJobRunStore(JobRunStore):
    """The tables ``ops.jobs`` and ``ops.job_runs``, by the database's clock."""

    def __init__(self, session: Session) -> None:
        self._driver = session.driver
        self._session = session

    async def claim(self, plan: JobPlan, worker: WorkerName, term: timedelta) -> JobClaim | None:
        row = await self._driver.fetchrow(_CLAIM, plan.name, plan.every, worker, term, plan.recorded)
        if row is None:
            return None
        return JobClaim(plan.name, row["slot"], row["fence"], row["attempts"])

    async def renew(self, claim: JobClaim, term: timedelta) -> bool:
        return await self._driver.fetchval(_RENEW, claim.job, claim.fence, term) is not None

    async def end(self, claim: JobClaim, end: JobEnd) -> bool:
        ended = await self._driver.fetchval(
            _END, claim.job, claim.fence, end.outcome.value, end.error, end.retry_in
        )
        return bool(ended)

    async def release(self, claim: JobClaim) -> None:
        await self._driver.execute(_RELEASE, claim.job, claim.fence)

    async def board(self) -> JobBoard:
        rows = await self._driver.fetch(_BOARD)
        states = [_state(row) for row in rows if row["job"] is not None]
        return JobBoard(rows[0]["now"], {state.job: state for state in states})

    async def purge(self, kept: timedelta) -> int:
        old = job_runs.c.started_at < func.clock_timestamp() - kept
        purged = await self._session.execute(delete(job_runs).where(old))
        return int(purged.rowcount)


def _state(row: Any) -> JobState:  # noqa: ANN401 - asyncpg is untyped
    last = None
    if row["outcome"] is not None:
        last = JobRun(
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            outcome=JobOutcome(row["outcome"]),
            error=row["error"],
        )
    return JobState(
        job=JobName(row["job"]),
        every=row["every"],
        slot=row["slot"],
        fence=row["fence"],
        attempts=row["attempts"],
        claimed_at=row["claimed_at"],
        worker=None if row["worker"] is None else WorkerName(row["worker"]),
        free_at=row["free_at"],
        last=last,
    )


class TimescaleStorageEngineInfo(StorageEngineInfo):
    """PostgreSQL, or TimescaleDB where the extension is in the database."""

    def __init__(self, session: Session) -> None:
        self._driver = session.driver

    async def engine(self) -> StorageEngine:
        row = await self._driver.fetchrow(_ENGINE)
        if row["timescaledb"] is not None:
            return StorageEngine(TIMESCALEDB, row["timescaledb"])
        return StorageEngine(POSTGRESQL, row["postgresql"].split()[0])
