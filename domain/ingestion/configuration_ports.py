"""What the IoT configuration needs of the outside."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NewType, Protocol

from domain.ingestion.configurations import ConfigurationVersion, VersionedDocument

FileMark = NewType("FileMark", tuple[int, ...])
"""Differs from an earlier one wherever the file may have changed."""


class ConfigurationStore(Protocol):
    """Keeps every version of the IoT configuration, for good."""

    @abstractmethod
    async def newest(self) -> int | None:
        """Return the number of the version in force; None before the first."""

    @abstractmethod
    async def newest_of_file(self) -> ConfigurationVersion | None:
        """Return the newest version that came from the file."""

    @abstractmethod
    async def get(self, version: int) -> VersionedDocument | None:
        """Return a version with its document."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[ConfigurationVersion], int]:
        """Return a page of versions, newest first, and the number of all."""

    @abstractmethod
    async def add(self, version: VersionedDocument) -> None:
        """Keep a version.

        Raises:
            ConflictError: ``concurrent_change``, another has this number already.

        """


class WatchedFile(Protocol):
    """The file of the IoT configuration."""

    @property
    @abstractmethod
    def is_given(self) -> bool:
        """Whether the settings name a file."""

    @abstractmethod
    def mark(self) -> FileMark | None:
        """Return a mark of the file as it is now; None where it is not there."""

    @abstractmethod
    async def read(self) -> str:
        """Return the text.

        Raises:
            InvalidError: ``invalid_configuration`` with one problem: ``file_missing, file_unreadable`` or
                ``not_json`` (it is not UTF-8).

        """


class HostRules(Protocol):
    """Knows which hosts devices may have."""

    @abstractmethod
    def fault(self, host: str) -> str | None:
        """Return why the host is not allowed, as far as that can be told without asking for its address."""
