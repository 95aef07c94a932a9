"""The machine that figures belong to, as it describes itself."""

import os
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Processor, memory, system, versions, and how busy all that was."""

    measured_at: datetime
    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    database: str
    settings: dict[str, str]
    load_before: float | None
    load_after: float | None

    def __str__(self) -> str:
        """Return it as a sentence."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        busy = "" if self.load_before is None else f", load average {self.load_before:.1f} before"
        busy += "" if self.load_after is None else f" and {self.load_after:.1f} after"
        return (
            f"{self.measured_at:%Y-%m-%d %H:%M} UTC: {self.cores} cores of {self.processor}, "
            f"{self.memory_gib:.0f} GiB, {self.system}, Python {self.python}, "
            f"{self.database} ({settings}){busy}."
        )


def load() -> float | None:
    """Return how many processes wanted a core in the last minute, None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def describe(database_url: str, load_before: float | None) -> Machine:
    """Return what this machine and the database say of themselves."""
    with psycopg.connect(database_url) as connection:
        names = ("fsync", "synchronous_commit", "shared_buffers")
        settings = {name: str(_single(connection, f"SHOW {name}")) for name in names}
        version = str(_single(connection, "SHOW server_version")).split(maxsplit=1)[0]
        timescale = _single(connection, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    return Machine(
        measured_at=datetime.now(UTC),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=_memory() / 2**30,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        database=f"PostgreSQL {version}" + (f" with TimescaleDB {timescale}" if timescale else ""),
        settings=settings,
        load_before=load_before,
        load_after=load(),
    )


def _single(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> int:
    names: dict[str, int] = getattr(os, "sysconf_names", {})
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= names.keys():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 0
