"""The lease under which one process moves events on."""

from domain.demand_response.model import SchedulerLease
from domain.demand_response.ports import DemandResponseTransaction


class LeaseLostError(Exception):
    """Another process moves events on now: this one has to stop."""


async def check_lease(tx: DemandResponseTransaction, lease: SchedulerLease) -> None:
    """Make sure that nobody else moves events on while the transaction runs.

    Raises:
        LeaseLostError: another process does.

    """
    if not await tx.scheduler_leases.holds(lease):
        raise LeaseLostError
