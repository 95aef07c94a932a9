"""Grants to the roles of modules, whose names carry the database's name since roles are cluster-wide."""

from alembic import op


def grant(privileges: str, on: str, *, to: str) -> None:
    """Grant ``privileges`` on an object to a module's role, online and in ``--sql`` scripts alike."""
    role = f"current_database() || '_{to}'"
    op.execute(f"DO $grant$ BEGIN EXECUTE format('GRANT {privileges} ON {on} TO %I', {role}); END $grant$")
