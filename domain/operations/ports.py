"""What the operations module needs of the outside."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Protocol

from domain.operations.job_ports import JobRunStore, StorageEngineInfo
from domain.operations.model import (
    ApiKey,
    ApiKeyId,
    AuditEntry,
    Backlog,
    FeedEntry,
    FeedMessage,
    IdempotencyClaim,
    OutboxEntry,
    OutboxId,
    Resync,
    SignalsRestored,
    StoredAnswer,
    Topic,
)
from domain.shared.ports import EventSink


class ApiKeyStore(Protocol):
    """Keeps API keys."""

    @abstractmethod
    async def hold_back_others(self) -> None:
        """Let no other transaction past this call until this one ends."""

    @abstractmethod
    async def add(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            ConflictError: ``api_key_exists``, where a key has the same hash.

        """

    @abstractmethod
    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, newest first."""

    @abstractmethod
    async def get(self, key_id: ApiKeyId) -> ApiKey | None:
        """Return the key with this id."""

    @abstractmethod
    async def find(self, secret_hash: bytes) -> ApiKey | None:
        """Return the key with this hash."""

    @abstractmethod
    async def revoke(self, key_id: ApiKeyId, at: datetime) -> bool:
        """Mark the key as revoked; False where it was already, or is not there."""

    @abstractmethod
    async def valid(self, key_ids: Collection[ApiKeyId], now: datetime) -> frozenset[ApiKeyId]:
        """Return those of the keys that are valid now."""


class AuditTrail(Protocol):
    """Reads the trail; it is written with the events of each transaction."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[AuditEntry], int]:
        """Return a page, newest first, and the number of all entries."""


class IdempotencyStore(Protocol):
    """Keeps the answers of requests that carried an ``Idempotency-Key``."""

    @abstractmethod
    async def claim(
        self, claim: IdempotencyClaim, *, lapsed_before: datetime, expired_before: datetime
    ) -> bool:
        """Claim the key; False where it is taken.

        A claim without an answer made before ``lapsed_before`` is taken over, and so is any made before
        ``expired_before``.
        """

    @abstractmethod
    async def find(self, scope: str, key: str) -> tuple[bytes, StoredAnswer | None] | None:
        """Return the request's hash and its answer, None while it runs."""

    @abstractmethod
    async def complete(self, claim: IdempotencyClaim, answer: StoredAnswer, at: datetime) -> None:
        """Store the answer, where the claim still holds."""

    @abstractmethod
    async def release(self, claim: IdempotencyClaim) -> None:
        """Forget a claim whose request failed and may be tried again."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete what was claimed before the time; return how many."""


class Feed(Protocol):
    """Reads the stored feed of public events (kept 24 hours)."""

    @abstractmethod
    async def positions(self) -> Mapping[Topic, int]:
        """Return the seq of the newest entry of every topic, 0 where there was none yet."""

    @abstractmethod
    async def position(self, topic: Topic) -> int:
        """Return the seq of the newest entry, 0 where there was none yet."""

    @abstractmethod
    async def before(self, topic: Topic, time: datetime) -> int:
        """Return the seq of the last entry published before the time (0 where there was none)."""

    @abstractmethod
    async def after(self, topic: Topic, seq: int, limit: int) -> Sequence[FeedEntry]:
        """Return the entries after ``seq``, in order; fewer than ``limit`` only at the end.

        An entry that this version of the product cannot read is left out.
        """


class Outbox(Protocol):
    """Events that committed and wait to be published and delivered; it is the relay's."""

    @abstractmethod
    async def unpublished(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        """Return the entries to publish, in order, and hold back other relays until the transaction ends."""

    @abstractmethod
    async def publish(
        self, entries: Sequence[OutboxEntry], awaited: Collection[OutboxId], now: datetime
    ) -> Sequence[FeedEntry]:
        """Mark as published and give each with a topic the next seq of it.

        ``awaited`` are those that have a handler; the others are done with.
        """

    @abstractmethod
    async def undispatched(self, now: datetime, limit: int) -> Sequence[OutboxEntry]:
        """Return the published entries to deliver now, in order."""

    @abstractmethod
    async def dispatched(self, outbox_id: OutboxId, now: datetime) -> None:
        """Mark as delivered."""

    @abstractmethod
    async def failed(self, outbox_id: OutboxId, error: str, retry_at: datetime) -> None:
        """Count a failed attempt and try again then."""

    @abstractmethod
    async def park(self, outbox_id: OutboxId, error: str, now: datetime) -> None:
        """Count a failed attempt and give up; the entry is kept."""

    @abstractmethod
    async def backlog(self) -> Backlog:
        """Return what waits."""

    @abstractmethod
    async def purge(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` entries that were published before the time and delivered; say how many."""


class OperationsTransaction(Protocol):
    """What one transaction of this module reaches."""

    @property
    @abstractmethod
    def api_keys(self) -> ApiKeyStore: ...

    @property
    @abstractmethod
    def audit(self) -> AuditTrail: ...

    @property
    @abstractmethod
    def idempotency(self) -> IdempotencyStore: ...

    @property
    @abstractmethod
    def feed(self) -> Feed: ...

    @property
    @abstractmethod
    def outbox(self) -> Outbox: ...

    @property
    @abstractmethod
    def job_runs(self) -> JobRunStore: ...

    @property
    @abstractmethod
    def storage(self) -> StorageEngineInfo: ...

    @property
    @abstractmethod
    def events(self) -> EventSink: ...


class OperationsUnitOfWork(Protocol):
    """Opens transactions of this module."""

    @abstractmethod
    def begin(self) -> AbstractAsyncContextManager[OperationsTransaction]:
        """Open a transaction: a clean exit commits, an exception rolls back."""


class LiveSubscription(Protocol):
    """One reader of the live feed, with a queue of its own."""

    @abstractmethod
    async def next(self) -> FeedMessage:
        """Wait for, and return, what came since: entries in order, or that some are missing."""


class LiveFeed(Protocol):
    """The public events of all processes as they are published: by topic in the order of seq, each once."""

    @abstractmethod
    def subscribe(
        self, topics: Collection[Topic], capacity: int = 1000
    ) -> AbstractContextManager[LiveSubscription]:
        """Read these topics while the context is open.

        A reader that is ``capacity`` entries behind loses the oldest and is told so; it holds up nobody.
        """

    @abstractmethod
    def listen(
        self, callback: Callable[[tuple[FeedEntry, ...] | Resync], None]
    ) -> AbstractContextManager[None]:
        """Call back at once with everything, on the event loop, while the context is open."""


class Seat(Protocol):
    """The right to be the one relay of all processes."""

    @abstractmethod
    async def lost(self) -> None:
        """Return once the right has gone."""

    @abstractmethod
    async def leave(self) -> None:
        """Give the right up."""


class Leadership(Protocol):
    """Lets one process at a time be the relay."""

    @abstractmethod
    async def take(self) -> Seat | None:
        """Return the seat, None where another process has it.

        Raises:
            UnavailableError: it cannot be known now.

        """


class Signals(Protocol):
    """Short messages (under 8,000 bytes) between the processes; any of them may be lost."""

    @abstractmethod
    async def send(self, text: str) -> None:
        """Send to every process that listens, this one too, if that can be done now."""

    @abstractmethod
    def listen(self) -> AsyncGenerator[str | SignalsRestored]:
        """Yield messages for ever; `SignalsRestored` first, and again after each interruption."""


class RelayStatus(Protocol):
    """What the relay of this process says of itself."""

    @property
    @abstractmethod
    def leader(self) -> bool:
        """Whether this process is the one that relays events."""
