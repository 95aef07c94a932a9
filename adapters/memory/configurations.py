"""The IoT configuration in memory: its versions, its file, and which hosts are allowed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from adapters.memory.database import MemorySession
from domain.ingestion.configuration_ports import ConfigurationStore, FileMark, HostRules, WatchedFile
from domain.ingestion.configurations import ConfigurationOrigin, ConfigurationVersion, VersionedDocument
from domain.ingestion.errors import concurrent_change
from domain.shared.errors import InvalidError, Problem


@dataclass(slots=True)
class ConfigurationsState:
    """What the store of versions holds."""

    versions: dict[int, VersionedDocument] = field(default_factory=dict)


class MemoryConfigurationStore(ConfigurationStore):
    """Versions in a dict by number."""

    def __init__(self, session: MemorySession) -> None:
        self._versions = session.state(ConfigurationsState).versions

    async def newest(self) -> int | None:
        return max(self._versions, default=None)

    async def newest_of_file(self) -> ConfigurationVersion | None:
        found = [one.about for one in self._newest_first() if one.about.origin is ConfigurationOrigin.FILE]
        return found[0] if found else None

    async def get(self, version: int) -> VersionedDocument | None:
        return self._versions.get(version)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[ConfigurationVersion], int]:
        page = self._newest_first()[offset : offset + limit]
        return [one.about for one in page], len(self._versions)

    async def add(self, version: VersionedDocument) -> None:
        if version.about.version in self._versions:
            raise concurrent_change()
        self._versions[version.about.version] = version

    def _newest_first(self) -> Sequence[VersionedDocument]:
        return [self._versions[number] for number in sorted(self._versions, reverse=True)]


class MemoryWatchedFile(WatchedFile):
    """A file that a test writes: `write` changes it, ``text`` None removes it."""

    def __init__(self, text: str | None = None, *, is_given: bool = True) -> None:
        self._is_given = is_given
        self._text = text
        self._changes = 0

    def write(self, text: str | None) -> None:
        """Change the file."""
        self._text = text
        self._changes += 1

    @property
    def is_given(self) -> bool:
        return self._is_given

    def mark(self) -> FileMark | None:
        return None if self._text is None else FileMark((self._changes,))

    async def read(self) -> str:
        if self._text is None:
            problem = Problem("", "file_missing", "there is no such file")
            raise InvalidError("invalid_configuration", problem.detail, [problem])
        return self._text


class MemoryHostRules(HostRules):
    """Allows every host but those that are given."""

    def __init__(self, refused: Collection[str] = ()) -> None:
        self.refused = set(refused)

    def fault(self, host: str) -> str | None:
        return f"{host} is not allowed" if host in self.refused else None
