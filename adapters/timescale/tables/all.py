"""Import this to have every table in the metadata."""

from adapters.timescale.tables import (
    alarms,
    configurations,
    files,
    ingestion,
    jobs,
    ops,
    rollups,
    room_metrics,
    scans,
    sensors,
    tariffs,
    write_receipts,
)

__all__ = [
    "alarms",
    "configurations",
    "files",
    "ingestion",
    "jobs",
    "ops",
    "rollups",
    "room_metrics",
    "scans",
    "sensors",
    "tariffs",
    "write_receipts",
]
