"""Import this to have every table in the metadata."""

from adapters.timescale.tables import (
    alarms,
    configurations,
    demand_response,
    dr_dispatch,
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
    "demand_response",
    "dr_dispatch",
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
