"""Reading who changed what."""

from collections.abc import Sequence

from domain.operations.model import AuditEntry
from domain.operations.ports import OperationsUnitOfWork


class Audit:
    """The audit trail."""

    def __init__(self, uow: OperationsUnitOfWork) -> None:
        self._uow = uow

    async def list(self, limit: int, offset: int) -> tuple[Sequence[AuditEntry], int]:
        """Return a page, newest first, and the number of all entries."""
        async with self._uow.begin() as tx:
            return await tx.audit.list(limit, offset)
