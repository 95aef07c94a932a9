"""Events to try the machinery with, and a codec that knows them."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import NewType
from uuid import UUID, uuid4

from adapters.events.codec import JsonEventCodec
from domain.operations.events import ApiKeyCreated, ApiKeyRevoked
from domain.operations.model import Topic
from domain.shared.events import DomainEvent, EventId

Amount = NewType("Amount", float)
PartId = NewType("PartId", UUID)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 0
    HIGH = 7


@dataclass(frozen=True, slots=True)
class Part:
    part_id: PartId
    amount: Amount
    kind: Colour | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened(DomainEvent):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(DomainEvent):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(DomainEvent):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(DomainEvent):
    parts: tuple[Part, ...]
    times_us: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    qualities: "array[int]" = field(default_factory=lambda: array("b"))
    level: Level
    took: timedelta
    until: datetime | None
    labels: Mapping[str, str]


TOPICS: dict[type[DomainEvent], Topic] = {
    Happened: Topic.SYSTEM_EVENTS,
    Warned: Topic.DR_EVENTS,
    Measured: Topic.ENERGY_DATA,
}
CODEC = JsonEventCodec([Happened, Warned, Noted, Measured, ApiKeyCreated, ApiKeyRevoked], TOPICS)
TIME = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def happened(number: int) -> Happened:
    return Happened(event_id=EventId(uuid4()), occurred_at=TIME, number=number)


def warned(text: str) -> Warned:
    return Warned(event_id=EventId(uuid4()), occurred_at=TIME, text=text)


def noted(text: str) -> Noted:
    return Noted(event_id=EventId(uuid4()), occurred_at=TIME, text=text)
