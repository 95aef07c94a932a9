"""Meters, and the sensors that stand for their series."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.pollers.meter_files.metadata import Description
from adapters.pollers.meter_files.survey import USUAL, Survey
from domain.ingestion.model import DeviceId, SensorId, SensorRegistration
from domain.shared.errors import InvalidError
from domain.shared.text_ids import MAX_LENGTH, text_id

MAX_SENSORS: Final = 1_000
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9._:-]")
_DIGEST: Final = 8
_NAME_KEPT: Final = 120
_MOST_SPELLINGS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter of the file and its sensors, one for each column."""

    meter_id: str
    sensor_ids: Sequence[SensorId]
    step: timedelta | None
    """How far its times usually lie apart, as far as it is known."""


class FileSensors:
    """The sensors that the file has shown so far."""

    def __init__(self, description: Description, seen: Survey, columns: Sequence[str]) -> None:
        self._description = description
        self._seen = seen
        self._columns = columns
        self._column_ids = _distinct(_FOREIGN.sub("_", column) or "_" for column in columns)
        self._meters: dict[str, Meter] = {}
        self._registrations: dict[SensorId, SensorRegistration] = {}
        self.by_spelling: dict[str, Meter] = {}
        """Meters by how the file writes them; a spelling that is missing has to be asked for."""

    def meter(self, written: str) -> Meter | None:
        """Return the meter that is written like this; None where the file would have too many sensors."""
        found = self.by_spelling.get(written)
        if found is not None:
            return found
        meter_id = id_of(written)
        found = self._meters.get(meter_id) or self._new(meter_id, written)
        if found is not None and len(written) <= MAX_LENGTH and len(self.by_spelling) < _MOST_SPELLINGS:
            self.by_spelling[written] = found
        return found

    def registrations(self, sensor_ids: Iterable[SensorId]) -> tuple[SensorRegistration, ...]:
        """Return what is said of these sensors, each once."""
        return tuple(self._registrations[sensor_id] for sensor_id in dict.fromkeys(sensor_ids))

    def _new(self, meter_id: str, written: str) -> Meter | None:
        if len(self._registrations) + len(self._columns) > MAX_SENSORS:
            return None
        if len(self._columns) == 1:
            names = {SensorId(meter_id): _name(written)}
        else:
            names = {
                SensorId(id_of(f"{meter_id}.{column_id}")): f"{_name(written)} {_name(column)}"
                for column, column_id in zip(self._columns, self._column_ids, strict=True)
            }
        said = self._description
        step = said.resolution or self._seen.step_of(written)
        for sensor_id, name in names.items():
            registration = SensorRegistration(
                sensor_id=sensor_id,
                name=name,
                quantity=said.quantity,
                unit=said.unit,
                accumulation=said.accumulation,
                resolution=(step or USUAL).exact or timedelta(),
                device_id=DeviceId(meter_id),
                direction=said.direction,
                stated=said.stated,
                resolution_is_assumed=step is None,
            )
            self._registrations.setdefault(sensor_id, registration)
        self._meters[meter_id] = Meter(meter_id, tuple(names), step.exact if step else None)
        return self._meters[meter_id]


def id_of(written: str) -> str:
    """Return an id for what people wrote, with ``_`` for what ids may not hold."""
    found = _FOREIGN.sub("_", written) or "_"
    if len(found) > MAX_LENGTH:
        digest = hashlib.sha256(found.encode()).hexdigest()[:_DIGEST]
        found = f"{found[: MAX_LENGTH - _DIGEST - 1]}_{digest}"
    try:
        return text_id(found, "meter")
    except InvalidError:
        return f"{found}_"


def name_meter(path: str, suffixes: Iterable[str]) -> str:
    """Return the meter by a file's name or folder: its name up to the first ``_``, else its last folder."""
    folder, _, name = path.rpartition("/")
    cut = max((len(one) for one in suffixes if name.lower().endswith(one)), default=0)
    stem = name[: len(name) - cut].strip()
    before, underscore, _ = stem.partition("_")
    if underscore and before.strip():
        return before.strip()
    return folder.rpartition("/")[2].strip() or stem or name


def _name(written: str) -> str:
    return "".join(one if one.isprintable() else " " for one in written[:_NAME_KEPT]).strip()


def _distinct(names: Iterable[str]) -> list[str]:
    taken: set[str] = set()
    distinct: list[str] = []
    for name in names:
        number, found = 1, name
        while found in taken:
            number += 1
            found = f"{name}_{number}"
        taken.add(found)
        distinct.append(found)
    return distinct
