"""The root of all domain events."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

EventId = NewType("EventId", UUID)
Actor = NewType("Actor", str)
"""Who did it: an API key's name and id, ``cli`` or ``system``."""

SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened: facts and ids only, named in the past tense."""

    event_id: EventId
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedEvent(DomainEvent):
    """A change that somebody made; it is kept in the audit trail in the same transaction."""

    actor: Actor

    @property
    def subject(self) -> str:
        """The id of what was changed."""
        raise NotImplementedError
