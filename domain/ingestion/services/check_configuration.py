"""Whether a document can be the IoT configuration."""

import asyncio
from dataclasses import dataclass
from itertools import chain

from domain.ingestion.configuration_ports import HostRules, WatchedFile
from domain.ingestion.iot_configuration import IotConfiguration
from domain.ingestion.iot_documents import decode_document, sha256_of
from domain.ingestion.iot_fields import MAX_FAULTS, faulty
from domain.ingestion.iot_hosts import host_faults
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.ports import UnitCatalog
from domain.shared.errors import InvalidError, Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document that can be the configuration; ``warnings`` are its hosts that are not allowed."""

    text: str
    sha256: str
    configuration: IotConfiguration
    warnings: tuple[Problem, ...]


class CheckConfiguration:
    """Reads documents, one at a time in a thread, since a large one takes seconds.

    A host that is not allowed is a fault where somebody is there to mend it. In the file, and in a version
    that was in force before, it is a warning: the device is refused when it is polled, and the others go on.
    """

    def __init__(self, file: WatchedFile, units: UnitCatalog, hosts: HostRules) -> None:
        self._file = file
        self._units = units
        self._hosts = hosts
        self._turn = asyncio.Lock()

    async def text(self, text: str, *, hosts_must_be_allowed: bool) -> CheckedDocument:
        """Return what the text describes.

        Raises:
            InvalidError: ``invalid_configuration``, with every fault and its JSON pointer.
            TooLargeError: it is longer than a configuration may be.

        """
        async with self._turn:
            return await asyncio.to_thread(self._checked, text, strict=hosts_must_be_allowed)

    async def file(self) -> CheckedDocument:
        """Return what the file describes; raise what `text` does."""
        return await self.text(await self._file.read(), hosts_must_be_allowed=False)

    def _checked(self, text: str, *, strict: bool) -> CheckedDocument:
        document = decode_document(text)
        warnings = tuple(host_faults(document, self._hosts))
        refused = warnings if strict else ()
        try:
            configuration = parse_iot_configuration(document, self._units)
        except InvalidError as error:
            raise faulty([*chain(error.problems, refused)][:MAX_FAULTS]) from None
        if refused:
            raise faulty(refused)
        return CheckedDocument(text, sha256_of(document), configuration, warnings)
