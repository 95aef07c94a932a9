"""What happened in the running of the product."""

from dataclasses import dataclass
from datetime import datetime

from domain.operations.model import ApiKeyId, Role
from domain.shared.events import AuditedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated(AuditedEvent):
    """A key was made."""

    key_id: ApiKeyId
    name: str
    role: Role
    expires_at: datetime | None

    @property
    def subject(self) -> str:
        """The id of the key."""
        return str(self.key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked(AuditedEvent):
    """A key opens nothing any more."""

    key_id: ApiKeyId
    name: str

    @property
    def subject(self) -> str:
        """The id of the key."""
        return str(self.key_id)
