"""API keys and their roles, the audit trail, idempotent requests, and the feed of events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.shared.events import Actor, DomainEvent

ApiKeyId = NewType("ApiKeyId", UUID)


class Role(StrEnum):
    """What a key may do; each role may all that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Return whether this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: the secret itself only as a hash."""

    key_id: ApiKeyId
    name: str
    role: Role
    secret_hash: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Return whether the key opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a call."""

    key_id: ApiKeyId
    name: str
    role: Role

    @property
    def actor(self) -> Actor:
        """The name under which the audit trail knows the caller."""
        return Actor(f"{self.name} ({self.key_id})")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change: who, what, when, and the facts of its event."""

    time: datetime
    actor: Actor
    action: str
    subject: str
    detail: Mapping[str, object]


class Topic(StrEnum):
    """The public topics of the WebSocket."""

    ENERGY_DATA = "energy_data"
    SENSOR_EVENTS = "sensor_events"
    DR_EVENTS = "dr_events"
    DATA_INGESTION = "data_ingestion"
    SYSTEM_EVENTS = "system_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """An event at its position in the stored feed of its topic; ``time`` is when it was published."""

    topic: Topic
    seq: int
    time: datetime
    event: DomainEvent


@dataclass(frozen=True, slots=True)
class FeedStart:
    """Where a reader of the feed begins: after ``seq``; not ``complete`` where what it asked for has gone."""

    seq: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Resync:
    """Entries may have been missed: what was built on the feed is to be read anew."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries of a topic that a slow reader did not get: how many, and the seq of the first."""

    topic: Topic
    dropped: int
    from_seq: int


@dataclass(frozen=True, slots=True)
class Lagged:
    """A reader was too slow and lost its oldest entries."""

    lost: tuple[Lost, ...]


FeedMessage = tuple[FeedEntry, ...] | Resync | Lagged
"""What a reader of the live feed gets."""


@dataclass(frozen=True, slots=True)
class SignalsRestored:
    """Signals arrive from now on; those of the time before may be missing."""


OutboxId = NewType("OutboxId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A committed event that waits to be published or delivered.

    ``event`` is None where this version of the product cannot read it; ``error`` then says why.
    """

    outbox_id: OutboxId
    topic: Topic | None
    event: DomainEvent | None
    error: str | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the outbox; ``oldest`` is when the first of those that never failed was recorded."""

    pending: int
    parked: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsHealth:
    """Whether events get through: ``leader`` tells whether this process is the one that relays them."""

    pending: int
    parked: int
    leader: bool
    lag_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """The answer to a request that carried an ``Idempotency-Key``."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """The right to run a request that carries an ``Idempotency-Key``.

    ``scope`` keeps the keys of different callers and paths apart. ``claimed_at`` tells a claim from a later
    one of the same key, so that a request that was given up as dead cannot overwrite its successor's answer.
    """

    scope: str
    key: str
    request_hash: bytes
    claimed_at: datetime
