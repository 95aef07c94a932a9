"""The versions of the IoT configuration, of which the newest is in force."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from domain.ingestion.configurations import (
    ConfigurationChange,
    ConfigurationDifference,
    ConfigurationOrigin,
    ConfigurationVersion,
    VersionedDocument,
)
from domain.ingestion.errors import concurrent_change
from domain.ingestion.events import IotConfigurationChanged
from domain.ingestion.iot_configuration import IotConfiguration
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.services.check_configuration import CheckConfiguration, CheckedDocument
from domain.shared.errors import ConflictError, InvalidError
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory

_ATTEMPTS: Final = 20

Known = Callable[[ConfigurationVersion, ConfigurationVersion | None], bool]
"""Whether there is nothing to add, by the version in force and the newest one of the file."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration in force; before the first version ``about`` is None, and there are no devices."""

    about: ConfigurationVersion | None = None
    configuration: IotConfiguration = field(default_factory=IotConfiguration)

    @property
    def version(self) -> int:
        """The number of the version, 0 before the first."""
        return 0 if self.about is None else self.about.version


class ConfigurationHistory:
    """Reads the version in force, each once, and adds further ones."""

    def __init__(
        self, uow: IngestionUnitOfWork, check: CheckConfiguration, clock: Clock, ids: IdFactory
    ) -> None:
        self._uow = uow
        self._check = check
        self._clock = clock
        self._ids = ids
        self._in_force = InForce()
        self._reading = asyncio.Lock()

    async def current(self) -> InForce:
        """Return what is in force.

        Raises:
            InvalidError: ``invalid_configuration``: this program does not take any more what one before did.

        """
        async with self._uow.begin() as tx:
            newest = await tx.configurations.newest() or 0
        if newest == self._in_force.version:
            return self._in_force
        async with self._reading:
            if newest != self._in_force.version:
                self._in_force = await self._read(newest)
            return self._in_force

    async def _read(self, version: int) -> InForce:
        async with self._uow.begin() as tx:
            found = await tx.configurations.get(version)
        if found is None:
            return InForce()
        checked = await self._check.text(found.text, hosts_must_be_allowed=False)
        return InForce(found.about, checked.configuration)

    async def before(self) -> InForce:
        """Return what is in force; what cannot be read any more counts as having no devices."""
        try:
            return await self.current()
        except InvalidError:
            async with self._uow.begin() as tx:
                newest = await tx.configurations.newest()
                found = None if newest is None else await tx.configurations.get(newest)
            return InForce(None if found is None else found.about)

    async def add(
        self,
        checked: CheckedDocument,
        origin: ConfigurationOrigin,
        actor: Actor,
        is_known: Known,
        *,
        expected: Collection[int] | None = None,
        restored_from: int | None = None,
    ) -> ConfigurationChange:
        """Put the document in force as a new version, unless it is known.

        Whoever comes at the same time looks again, and may find that it is known now.

        Raises:
            ConflictError: ``concurrent_change``, none of ``expected`` is in force.

        """
        for _ in range(_ATTEMPTS):
            before = await self.before()
            if expected is not None and before.version not in expected:
                raise concurrent_change(before.version)
            try:
                async with self._uow.begin() as tx:
                    if (await tx.configurations.newest() or 0) != before.version:
                        continue
                    of_file = await tx.configurations.newest_of_file()
                    if before.about is not None and is_known(before.about, of_file):
                        return ConfigurationChange(about=before.about, warnings=checked.warnings)
                    about = ConfigurationVersion(
                        version=before.version + 1,
                        origin=origin,
                        sha256=checked.sha256,
                        devices=len(checked.configuration.devices),
                        created_at=self._clock.now(),
                        created_by=actor,
                        restored_from=restored_from,
                    )
                    difference = ConfigurationDifference.between(
                        before.configuration.devices, checked.configuration.devices
                    )
                    await tx.configurations.add(VersionedDocument(about, checked.text))
                    tx.events.add(self._changed(about, difference))
            except ConflictError:
                continue
            self._in_force = InForce(about, checked.configuration)
            return ConfigurationChange(about=about, difference=difference, warnings=checked.warnings)
        raise concurrent_change()

    def _changed(
        self, about: ConfigurationVersion, difference: ConfigurationDifference
    ) -> IotConfigurationChanged:
        return IotConfigurationChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=about.created_at,
            actor=about.created_by,
            version=about.version,
            origin=about.origin.value,
            added=difference.added,
            changed=difference.changed,
            removed=difference.removed,
            restored_from=about.restored_from,
        )
