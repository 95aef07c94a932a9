"""Life cycle of an embedded PostgreSQL: one folder, no installation, no administrator."""

from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
