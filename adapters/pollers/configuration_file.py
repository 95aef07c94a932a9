"""The IoT configuration as a file."""

import asyncio
import json
import logging
import math
import re
from pathlib import Path
from typing import Any, Final

from domain.ingestion.iot_configuration import IotConfiguration
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.ports import IotConfigurationSource, UnitCatalog
from domain.shared.errors import DomainError, InvalidError, Problem

_LOG: Final = logging.getLogger(__name__)
_MOST_BYTES: Final = 32 * 1024 * 1024
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)


class _DoubtfulError(ValueError):
    """A key that stands twice in one object, or a number that JSON does not have."""


def _invalid(path: Path, code: str, detail: str, pointer: str = "") -> InvalidError:
    return InvalidError("invalid_configuration", f"{path}: {detail}", [Problem(pointer, code, detail)])


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _DoubtfulError
    return values


def _refuse_constant(text: str) -> float:
    raise _DoubtfulError(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _DoubtfulError(text)
    return number


def read_document(path: Path) -> object:
    """Return the decoded JSON of a file.

    Raises:
        InvalidError: ``invalid_configuration`` with one problem: ``file_missing, file_unreadable, not_json,
            duplicate_key`` or ``invalid_number``, which says the line.

    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _invalid(path, "file_unreadable", f"the file is larger than {_MOST_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _invalid(path, "file_missing", "there is no such file") from None
    except OSError as error:
        raise _invalid(path, "file_unreadable", f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _invalid(path, "not_json", f"byte {error.start} is not UTF-8") from None
    return decode_document(text, path)


def decode_document(text: str, path: Path) -> object:
    """Return the decoded JSON; a doubtful text is refused as `read_document` says."""
    try:
        return json.loads(
            text,
            object_pairs_hook=_refuse_twice,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except _DoubtfulError:
        raise _Doubt(text, path).error() from None
    except json.JSONDecodeError as error:
        detail = f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        raise _invalid(path, "not_json", detail) from None
    except RecursionError:
        raise _invalid(path, "not_json", "nested too deeply") from None
    except ValueError:
        raise _invalid(path, "not_json", "a number has too many digits") from None


class _Doubt:
    """Finds, in a text that is JSON otherwise, the first doubtful place."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._tokens = list(_TOKEN.finditer(text))
        self._next = 0

    def error(self) -> InvalidError:
        found = self._value("")
        return found or _invalid(self._path, "not_json", "the file is not JSON")

    def _take(self) -> re.Match[str]:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _value(self, pointer: str) -> InvalidError | None:
        token = self._take()
        if token.group() == "{":
            return self._object(pointer)
        if token.group() == "[":
            return self._list(pointer)
        text = token.group()
        if text[0] != '"' and text not in {"true", "false", "null"} and not math.isfinite(float(text)):
            return self._fault(token, "invalid_number", f"{text[:40]} is no number of JSON", pointer)
        return None

    def _object(self, pointer: str) -> InvalidError | None:
        seen: set[str] = set()
        token = self._take()
        while token.group() != "}":
            if token.group() == ",":
                token = self._take()
            key: str = json.loads(token.group())
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in seen:
                return self._fault(
                    token, "duplicate_key", f"the key {key[:200]!r} stands twice in one object", place
                )
            seen.add(key)
            self._take()
            fault = self._value(place)
            if fault is not None:
                return fault
            token = self._take()
        return None

    def _list(self, pointer: str) -> InvalidError | None:
        number = 0
        while self._tokens[self._next].group() != "]":
            if self._tokens[self._next].group() == ",":
                self._next += 1
            fault = self._value(f"{pointer}/{number}")
            if fault is not None:
                return fault
            number += 1
        self._next += 1
        return None

    def _fault(self, token: re.Match[str], code: str, detail: str, pointer: str) -> InvalidError:
        line = self._text.count("\n", 0, token.start()) + 1
        return _invalid(self._path, code, f"line {line}: {detail}", pointer)


class ConfigurationFile(IotConfigurationSource):
    """Reads the file anew whenever it has changed.

    A file that becomes faulty while the product runs does not stop the devices: what was read before
    stays in force, and the log says why. Without a path there are no devices.
    """

    def __init__(self, path: Path | None, units: UnitCatalog | None = None) -> None:
        self._path = path
        self._units = units
        self._configuration: IotConfiguration | None = None if path is not None else IotConfiguration()
        self._mark: tuple[int, int] | None = None

    async def load(self) -> IotConfiguration:
        """Return the configuration in force.

        Raises:
            InvalidError: ``invalid_configuration``, where no valid one has been read so far.

        """
        if self._path is None:
            return self._configuration or IotConfiguration()
        mark = self._current_mark(self._path)
        if self._configuration is not None and mark == self._mark:
            return self._configuration
        try:
            self._configuration = await asyncio.to_thread(self._read, self._path)
        except DomainError as error:
            if self._configuration is None:
                raise
            _LOG.warning("the IoT configuration stays as it was: %s", error.detail)
        self._mark = mark
        return self._configuration

    def _read(self, path: Path) -> IotConfiguration:
        return parse_iot_configuration(read_document(path), self._units)

    @staticmethod
    def _current_mark(path: Path) -> tuple[int, int] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
