"""What the data are kept in."""

import re
from dataclasses import dataclass
from typing import Final

POSTGRESQL: Final = "postgresql"
TIMESCALEDB: Final = "timescaledb"
OLDEST_TIMESCALEDB: Final = (2, 26, 3)
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class StorageEngine:
    """An engine and its version, such as ``timescaledb`` and ``2.29.2``."""

    name: str
    version: str

    @property
    def warning(self) -> str | None:
        """What is wrong with this version, and what to do; None where nothing is."""
        if self.name != TIMESCALEDB:
            return None
        numbers = _NUMBERS.match(self.version)
        if numbers is None or tuple(map(int, numbers[0].split("."))) >= OLDEST_TIMESCALEDB:
            return None
        oldest = ".".join(map(str, OLDEST_TIMESCALEDB))
        return (
            f"TimescaleDB {self.version} is too old: it buckets wrongly when clocks change."
            f" Update it to {oldest} or newer (ALTER EXTENSION timescaledb UPDATE)."
        )
