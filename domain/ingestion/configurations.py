"""Versions of the IoT configuration: where each came from, and what it changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ingestion.iot_configuration import Device
from domain.ingestion.model import DeviceId
from domain.shared.errors import Problem
from domain.shared.events import Actor

EMPTY_DOCUMENT: Final = '{"resources": {"iots": []}}'
"""What is in force before the first version, as version 0."""


class ConfigurationOrigin(StrEnum):
    """How a version came about: read from the file, saved over the API, or an earlier one restored."""

    FILE = "file"
    API = "api"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationVersion:
    """What is known of a version without its document; the newest one is in force.

    ``sha256`` (hexadecimal) is the same for documents that differ in nothing but white space and the order
    of keys.
    """

    version: int
    origin: ConfigurationOrigin
    sha256: str
    devices: int
    created_at: datetime
    created_by: Actor
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class VersionedDocument:
    """A version with its document, the text as it was given."""

    about: ConfigurationVersion
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationDifference:
    """Which devices one configuration has otherwise than another, in the order of the documents."""

    added: tuple[DeviceId, ...] = ()
    changed: tuple[DeviceId, ...] = ()
    removed: tuple[DeviceId, ...] = ()

    @classmethod
    def between(
        cls, before: Mapping[DeviceId, Device], after: Mapping[DeviceId, Device]
    ) -> "ConfigurationDifference":
        """Return what makes ``after`` of ``before``."""
        return cls(
            added=tuple(one for one in after if one not in before),
            changed=tuple(one for one in after if one in before and before[one] != after[one]),
            removed=tuple(one for one in before if one not in after),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """What came of a call that sets the configuration: the version in force now, and what it changed.

    ``warnings`` are devices whose hosts are not allowed, which are not polled for that reason.
    """

    about: ConfigurationVersion
    difference: ConfigurationDifference = ConfigurationDifference()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationCheck:
    """What would come of a document: its faults, or what it has and what it would change."""

    problems: tuple[Problem, ...] = ()
    devices: int = 0
    sensors: int = 0
    difference: ConfigurationDifference = ConfigurationDifference()


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why the file as it is now is not in force, and since when this process knows."""

    problems: tuple[Problem, ...]
    since: datetime
