"""Import this to have every table in the metadata."""

from adapters.timescale.tables import ingestion, ops, sensors

__all__ = ["ingestion", "ops", "sensors"]
