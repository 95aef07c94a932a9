"""Tariffs in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.memory.database import MemorySession
from domain.sensors.ports import TariffStore
from domain.sensors.tariffs import Tariff, TariffName


@dataclass(slots=True)
class TariffsState:
    """What the store of tariffs holds."""

    tariffs: dict[TariffName, Tariff] = field(default_factory=dict)


class MemoryTariffStore(TariffStore):
    """Tariffs in a dict by name."""

    def __init__(self, session: MemorySession) -> None:
        self._tariffs = session.state(TariffsState).tariffs

    async def put(self, tariff: Tariff) -> bool:
        created = tariff.name not in self._tariffs
        self._tariffs[tariff.name] = tariff
        return created

    async def get(self, name: TariffName) -> Tariff | None:
        return self._tariffs.get(name)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Tariff], int]:
        names = sorted(self._tariffs)[offset : offset + limit]
        return [self._tariffs[name] for name in names], len(self._tariffs)

    async def delete(self, name: TariffName) -> bool:
        return self._tariffs.pop(name, None) is not None
