"""Import this to have every table in the metadata."""

from adapters.timescale.tables import ingestion, jobs, ops, rollups, room_metrics, sensors, tariffs

__all__ = ["ingestion", "jobs", "ops", "rollups", "room_metrics", "sensors", "tariffs"]
