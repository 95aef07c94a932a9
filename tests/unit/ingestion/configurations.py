"""The IoT configuration over memory: processes that share a database, each with a file or without."""

import json

from adapters.memory.configurations import MemoryHostRules, MemoryWatchedFile
from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import MemoryIngestionUnitOfWork, MemoryUnitCatalog
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.ingestion.configurations import ConfigurationOrigin
from domain.ingestion.events import IotConfigurationChanged
from domain.ingestion.services.check_configuration import CheckConfiguration
from domain.ingestion.services.configuration import Configurations
from domain.ingestion.services.configuration_history import ConfigurationHistory
from tests.unit.ingestion.documents import device, document


def text_of(*names: str, **fields: object) -> str:
    return json.dumps(document(*(device(name, **fields) for name in names)), indent=1)


class Setting:
    """A process; another one on ``database`` is the same after a restart, or a second one."""

    def __init__(
        self,
        file: str | MemoryWatchedFile | None = None,
        database: MemoryDatabase | None = None,
        *,
        records: bool = True,
    ) -> None:
        self.database = database or MemoryDatabase()
        self.clock = MemoryClock()
        self.uow = MemoryIngestionUnitOfWork(self.database, self.clock)
        if isinstance(file, MemoryWatchedFile):
            self.file = file
        else:
            self.file = MemoryWatchedFile(file, is_given=file is not None)
        self.hosts = MemoryHostRules()
        check = CheckConfiguration(self.file, MemoryUnitCatalog(), self.hosts)
        history = ConfigurationHistory(self.uow, check, self.clock, MemoryIdFactory())
        self.configurations = Configurations(self.uow, check, history, self.file, self.clock, records=records)

    async def devices(self) -> list[str]:
        return list((await self.configurations.load()).devices)

    async def origins(self) -> list[ConfigurationOrigin]:
        """Return where the versions come from, the oldest first."""
        found, _ = await self.configurations.versions(1000, 0)
        return [one.origin for one in reversed(found)]

    @property
    def changes(self) -> list[IotConfigurationChanged]:
        return [one for one in self.database.events if isinstance(one, IotConfigurationChanged)]
