"""The lease of the scheduler of demand response in PostgreSQL."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from adapters.timescale.session import Session
from adapters.timescale.tables.dr_dispatch import scheduler_lease
from domain.demand_response.model import SchedulerLease, WorkerId
from domain.demand_response.store_ports import SchedulerLeases

# That another has it is seen before the upsert, which would lock the row, and so write, to change nothing.
# Whoever let it lapse may have been away for long: a new fence tells.
_TAKE: Final = """
INSERT INTO demand_response.scheduler_lease AS held (is_only, worker, lease_until, fence)
SELECT true, $1::text, clock_timestamp() + $2::interval, 1
WHERE NOT EXISTS (
  SELECT FROM demand_response.scheduler_lease WHERE worker <> $1 AND lease_until > clock_timestamp())
ON CONFLICT (is_only) DO UPDATE SET
  worker = excluded.worker,
  lease_until = clock_timestamp() + $2::interval,
  fence = held.fence + CASE WHEN held.lease_until > clock_timestamp() THEN 0 ELSE 1 END
WHERE held.worker IS NULL OR held.worker = excluded.worker OR held.lease_until <= clock_timestamp()
RETURNING fence, lease_until
"""


class TimescaleSchedulerLeases(SchedulerLeases):
    """The only row of ``demand_response.scheduler_lease``, by the database's clock."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def take(self, worker: WorkerId, term: timedelta) -> SchedulerLease | None:
        row = await self._session.driver.fetchrow(_TAKE, worker, term)
        return None if row is None else SchedulerLease(worker, row["fence"], row["lease_until"])

    async def holds(self, lease: SchedulerLease) -> bool:
        # FOR SHARE holds off a change of hands until this transaction has ended.
        held = select(scheduler_lease.c.worker, scheduler_lease.c.fence).with_for_update(read=True)
        row = (await self._session.execute(held)).first()
        return row is not None and row.worker is not None and row.fence == lease.fence

    async def release(self, worker: WorkerId) -> None:
        await self._session.execute(
            update(scheduler_lease)
            .where(scheduler_lease.c.worker == worker)
            .values(worker=None, lease_until=None)
        )
