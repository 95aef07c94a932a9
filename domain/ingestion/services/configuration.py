"""The IoT configuration: in force is the newest version, whether it came from the file or over the API."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final

from domain.ingestion.configuration_ports import FileMark, WatchedFile
from domain.ingestion.configurations import (
    EMPTY_DOCUMENT,
    ConfigurationChange,
    ConfigurationCheck,
    ConfigurationDifference,
    ConfigurationOrigin,
    ConfigurationVersion,
    FileFault,
)
from domain.ingestion.errors import unknown_version
from domain.ingestion.iot_configuration import IotConfiguration
from domain.ingestion.ports import IngestionUnitOfWork, IotConfigurationSource
from domain.ingestion.services.check_configuration import CheckConfiguration, CheckedDocument
from domain.ingestion.services.configuration_history import ConfigurationHistory
from domain.shared.errors import ConflictError, InvalidError
from domain.shared.events import SYSTEM, Actor
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)
_LARGEST_NUMBER: Final = 2**31 - 1
_TOLD: Final = 20
_NEVER: Final = FileMark(())


class Configurations(IotConfigurationSource):
    """Versions of the configuration: each change of the file or over the API is one, and the newest rules.

    The file counts when its content changes. A restart with the same file therefore leaves in force what
    was saved over the API since. ``records`` is false for a command that only looks: a changed file then
    holds for that command alone.
    """

    def __init__(
        self,
        uow: IngestionUnitOfWork,
        check: CheckConfiguration,
        history: ConfigurationHistory,
        file: WatchedFile,
        clock: Clock,
        *,
        records: bool = True,
    ) -> None:
        self._uow = uow
        self._check = check
        self._history = history
        self._file = file
        self._clock = clock
        self._records = records
        self._looking = asyncio.Lock()
        self._mark: FileMark | None = _NEVER
        self._fault: FileFault | None = None
        self._looked_at: IotConfiguration | None = None

    @property
    def has_file(self) -> bool:
        """Whether the settings name a file."""
        return self._file.is_given

    def file_fault(self) -> FileFault | None:
        """Return why the file as it is now is not in force; None where nothing is wrong with it."""
        return self._fault

    async def load(self) -> IotConfiguration:
        """Return the configuration in force, after a look at whether the file has changed.

        A faulty file changes nothing: the log says why, once.

        Raises:
            InvalidError: ``invalid_configuration``: the file is faulty, and there is no version yet.
            UnavailableError: the versions cannot be read now.

        """
        await self._follow_file()
        if self._looked_at is not None:
            return self._looked_at
        found = await self._history.current()
        if self._fault is not None and (found.version == 0 or not self._records):
            detail = "the file of the IoT configuration has faults"
            raise InvalidError("invalid_configuration", detail, self._fault.problems)
        return found.configuration

    async def get(self, version: int | None = None) -> tuple[int, str]:
        """Return the number and the document of a version, by default of the one in force.

        Raises:
            NotFoundError: ``unknown_version``.

        """
        if version is None:
            await self._follow_file()
        async with self._uow.begin() as tx:
            wanted = version if version is not None else await tx.configurations.newest()
            if wanted is None:
                return 0, EMPTY_DOCUMENT
            found = await tx.configurations.get(wanted) if 0 < wanted <= _LARGEST_NUMBER else None
        if found is None:
            raise unknown_version(wanted)
        return wanted, found.text

    async def versions(self, limit: int, offset: int) -> tuple[Sequence[ConfigurationVersion], int]:
        """Return a page of versions, newest first, and the number of all."""
        await self._follow_file()
        async with self._uow.begin() as tx:
            return await tx.configurations.list(limit, offset)

    async def validate(self, text: str) -> ConfigurationCheck:
        """Return what replacing the configuration would come to; nothing changes.

        Raises:
            TooLargeError: it is longer than a configuration may be.

        """
        try:
            checked = await self._check.text(text, hosts_must_be_allowed=True)
        except InvalidError as error:
            return ConfigurationCheck(problems=error.problems)
        before = await self._history.before()
        devices = checked.configuration.devices
        return ConfigurationCheck(
            devices=len(devices),
            sensors=sum(value.sensor is not None for one in devices.values() for value in one.values),
            difference=ConfigurationDifference.between(before.configuration.devices, devices),
        )

    async def replace(
        self, text: str, actor: Actor, expected: Collection[int] | None = None
    ) -> ConfigurationChange:
        """Put another document in force; the same one again changes nothing.

        ``expected`` are the versions of which one has to be in force.

        Raises:
            InvalidError: ``invalid_configuration``, with every fault and its JSON pointer.
            TooLargeError: it is longer than a configuration may be.
            ConflictError: ``concurrent_change``, none of ``expected`` is in force.

        """
        await self._follow_file()
        checked = await self._check.text(text, hosts_must_be_allowed=True)
        return await self._history.add(
            checked,
            ConfigurationOrigin.API,
            actor,
            lambda in_force, _: in_force.sha256 == checked.sha256,
            expected=expected,
        )

    async def restore(self, version: int, actor: Actor) -> ConfigurationChange:
        """Put the document of an earlier version in force, as a new one.

        Raises:
            NotFoundError: ``unknown_version``.
            InvalidError: ``invalid_configuration``: what was allowed then is not any more.

        """
        await self._follow_file()
        _, text = await self.get(version)
        checked = await self._check.text(text, hosts_must_be_allowed=False)
        return await self._history.add(
            checked,
            ConfigurationOrigin.RESTORE,
            actor,
            lambda in_force, _: in_force.sha256 == checked.sha256,
            restored_from=version,
        )

    async def reload(self, actor: Actor) -> ConfigurationChange:
        """Put the file in force as it is now, whether it has changed or not.

        Raises:
            ConflictError: ``no_file``, the settings name none.
            InvalidError: ``invalid_configuration``, with every fault and its JSON pointer.

        """
        if not self._file.is_given:
            raise ConflictError("no_file", "no file is set (IOTS_CONFIG)")
        async with self._looking:
            mark = self._file.mark()
            try:
                checked = await self._check.file()
            except InvalidError as error:
                self._found_faulty(mark, error)
                raise
            change = await self._history.add(
                checked,
                ConfigurationOrigin.FILE,
                actor,
                lambda in_force, of_file: (
                    of_file is not None and in_force.sha256 == of_file.sha256 == checked.sha256
                ),
            )
            self._found_well(mark, checked)
        return change

    async def _follow_file(self) -> None:
        if not self._file.is_given or self._file.mark() == self._mark:
            return
        async with self._looking:
            mark = self._file.mark()
            if mark == self._mark:
                return
            try:
                checked = await self._check.file()
            except InvalidError as error:
                self._found_faulty(mark, error)
                return
            if self._records:
                await self._history.add(
                    checked,
                    ConfigurationOrigin.FILE,
                    SYSTEM,
                    lambda _, of_file: of_file is not None and of_file.sha256 == checked.sha256,
                )
            else:
                await self._look_only(checked)
            self._found_well(mark, checked)

    async def _look_only(self, checked: CheckedDocument) -> None:
        async with self._uow.begin() as tx:
            known = await tx.configurations.newest_of_file()
        changed = known is None or known.sha256 != checked.sha256
        self._looked_at = checked.configuration if changed else None

    def _found_well(self, mark: FileMark | None, checked: CheckedDocument) -> None:
        # Not before it is kept: while the database is away, the next look is to find it changed again.
        self._mark = mark
        self._fault = None
        for warning in checked.warnings[:_TOLD]:
            _LOG.warning("a device will not be polled: %s: %s", warning.pointer, warning.detail)

    def _found_faulty(self, mark: FileMark | None, error: InvalidError) -> None:
        self._mark = mark
        self._fault = FileFault(error.problems, self._clock.now())
        told = "; ".join(f"{one.pointer} {one.detail}".lstrip() for one in error.problems[:_TOLD])
        _LOG.warning("the IoT configuration stays as it was, its file has faults: %s", told)
