"""``/audit``: who changed what, and when."""

from collections.abc import Mapping

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.operations.model import Role
from domain.operations.services.audit import Audit


class AuditEntryAnswer(msgspec.Struct, kw_only=True):
    """One change."""

    time: Instant
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


class AuditController(Controller):
    """The audit trail; only admins read it."""

    path = "/audit"
    tags = ("Audit",)
    guards = (requires(Role.ADMIN),)

    @get("/", summary="Read the audit trail")
    @inject
    async def list(
        self, audit: FromDishka[Audit], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[AuditEntryAnswer]:
        """Return who changed what and when, newest first."""
        entries, total = await audit.list(limit, offset)
        items = [
            AuditEntryAnswer(
                time=Instant.of(entry.time),
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                detail=entry.detail,
            )
            for entry in entries
        ]
        return Page(items=items, total=total, limit=limit, offset=offset)
