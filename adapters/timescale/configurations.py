"""Versions of the IoT configuration in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, insert, select

from adapters.timescale.session import Session
from adapters.timescale.tables.configurations import configurations
from domain.ingestion.configuration_ports import ConfigurationStore
from domain.ingestion.configurations import ConfigurationOrigin, ConfigurationVersion, VersionedDocument
from domain.shared.events import Actor

_ABOUT: Final = [column for column in configurations.c if column.name != "document"]


def _version(row: Any) -> ConfigurationVersion:  # noqa: ANN401 - a row of SQLAlchemy
    return ConfigurationVersion(
        version=row.version,
        origin=ConfigurationOrigin(row.origin),
        sha256=row.sha256,
        devices=row.devices,
        created_at=row.created_at,
        created_by=Actor(row.created_by),
        restored_from=row.restored_from,
    )


class TimescaleConfigurationStore(ConfigurationStore):
    """One row per version; the role may add some, and neither change nor delete any."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def newest(self) -> int | None:
        found = await self._session.execute(select(func.max(configurations.c.version)))
        newest: int | None = found.scalar_one()
        return newest

    async def newest_of_file(self) -> ConfigurationVersion | None:
        statement = select(*_ABOUT).where(configurations.c.origin == ConfigurationOrigin.FILE.value)
        statement = statement.order_by(configurations.c.version.desc()).limit(1)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else _version(row)

    async def get(self, version: int) -> VersionedDocument | None:
        statement = select(configurations).where(configurations.c.version == version)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else VersionedDocument(_version(row), row.document)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[ConfigurationVersion], int]:
        counted = await self._session.execute(select(func.count()).select_from(configurations))
        statement = select(*_ABOUT).order_by(configurations.c.version.desc()).limit(limit).offset(offset)
        rows = await self._session.execute(statement)
        return [_version(row) for row in rows], counted.scalar_one()

    async def add(self, version: VersionedDocument) -> None:
        about = version.about
        await self._session.execute(
            insert(configurations).values(
                version=about.version,
                origin=about.origin.value,
                document=version.text,
                sha256=about.sha256,
                devices=about.devices,
                created_at=about.created_at,
                created_by=about.created_by,
                restored_from=about.restored_from,
            )
        )
