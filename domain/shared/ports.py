"""Ports to the surroundings that every module needs."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.shared.events import DomainEvent


class Clock(Protocol):
    """The only source of the current time."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""


class IdFactory(Protocol):
    """The only source of new ids."""

    @abstractmethod
    def new(self) -> UUID:
        """Return a new id; later ones sort after earlier ones (UUIDv7)."""

    @abstractmethod
    def secret(self) -> str:
        """Return a new secret of 256 random bits as URL-safe text."""


class EventSink(Protocol):
    """Takes the events of a transaction: they are kept if, and only if, it commits."""

    @abstractmethod
    def add(self, event: DomainEvent) -> None:
        """Keep the event for the commit."""


@dataclass(frozen=True, slots=True)
class EncodedEvent:
    """An event as it is stored: the name of its type, its public topic if it has one, its facts as JSON."""

    type: str
    topic: str | None
    payload: str


class EventCodec(Protocol):
    """Turns events into what is stored, and back."""

    @abstractmethod
    def encode(self, event: DomainEvent) -> EncodedEvent:
        """Return the event as it is stored."""

    @abstractmethod
    def decode(self, type_name: str, payload: str) -> DomainEvent:
        """Return the event that was stored.

        Raises:
            KeyError: no event has this name.
            ValueError: the payload is none of this event.

        """
