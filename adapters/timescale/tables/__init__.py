"""All tables, schema by schema; importing this package fills the metadata."""
