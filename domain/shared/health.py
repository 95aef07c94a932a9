"""How a part of the running product says whether it is well."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class HealthStatus(StrEnum):
    """``DEGRADED``: it works, but not as it should. ``DOWN``: it does not work."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """How a part is, with figures for people to look at; nothing secret, since everybody may read it."""

    status: HealthStatus
    figures: Mapping[str, float | str | bool | None] = field(default_factory=dict)


class HealthCheck(Protocol):
    """A part that can say how it is."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The key under which ``/health`` shows it."""

    @abstractmethod
    async def check(self) -> Health:
        """Return how it is now, within a second or so; an exception counts as ``DOWN``."""
