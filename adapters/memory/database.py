"""The state of all in-memory adapters, with transactions that really roll back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from domain.shared.events import AuditedEvent, DomainEvent

State = TypeVar("State")


class MemorySession:
    """A running transaction over copies of the state; they replace it at the commit."""

    def __init__(self, states: dict[type[Any], Any]) -> None:
        self._states = states
        self.events: list[DomainEvent] = []
        self.rolled_back = False

    def state(self, kind: type[State]) -> State:
        """Return this transaction's own copy of a module's state."""
        if kind not in self._states:
            self._states[kind] = kind()
        state: State = self._states[kind]
        return state

    def add(self, event: DomainEvent) -> None:
        """Keep the event for the commit (this is the `EventSink` of the transaction)."""
        self.events.append(event)

    def roll_back(self) -> None:
        """Undo everything at the end, without an error."""
        self.rolled_back = True


def _copied(value: Any) -> Any:  # noqa: ANN401 - whatever a state holds
    """Copy what can change (containers and states); frozen domain objects are shared."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(_copied(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type) and not _is_frozen(type(value)):
        return replace(value, **{one.name: _copied(getattr(value, one.name)) for one in fields(value)})
    return value


def _is_frozen(kind: Any) -> bool:  # noqa: ANN401 - a class made by @dataclass
    frozen: bool = kind.__dataclass_params__.frozen
    return frozen


class MemoryDatabase:
    """All in-memory adapters of one test stand on one of these.

    Transactions run one after the other. What committed is in `events` (all) and `audit` (those with an
    actor), so a test can look at what happened.
    """

    def __init__(self) -> None:
        self._states: dict[type[Any], Any] = {}
        self._lock = asyncio.Lock()
        self._on_commit: list[Callable[[list[DomainEvent]], None]] = []
        self.events: list[DomainEvent] = []

    @property
    def audit(self) -> list[AuditedEvent]:
        """The committed events that have an actor."""
        return [event for event in self.events if isinstance(event, AuditedEvent)]

    def on_commit(self, callback: Callable[[list[DomainEvent]], None]) -> None:
        """Call back with the events of each transaction that committed."""
        self._on_commit.append(callback)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemorySession]:
        """Run a transaction: on a clean exit its changes stand, else nothing has happened."""
        async with self._lock:
            session = MemorySession(_copied(self._states))
            yield session
            if session.rolled_back:
                return
            self._states = session._states  # noqa: SLF001 - the two are one adapter
            self.events.extend(session.events)
        if session.events:
            for callback in self._on_commit:
                callback(session.events)
