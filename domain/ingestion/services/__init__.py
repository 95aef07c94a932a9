"""The use cases of ingestion."""
