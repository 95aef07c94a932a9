"""Grants to the roles of modules, whose names carry the database's name since roles are cluster-wide."""

from alembic import op


def grant(privileges: str, on: str, *, to: str) -> None:
    """Grant ``privileges`` on an object to a module's role, online and in ``--sql`` scripts alike."""
    _execute(f"GRANT {privileges} ON {on} TO", to)


def revoke(privileges: str, on: str, *, of: str) -> None:
    """Take ``privileges`` on an object back from a module's role; dropping the object does so as well."""
    _execute(f"REVOKE {privileges} ON {on} FROM", of)


def _execute(statement: str, module: str) -> None:
    role = f"current_database() || '_{module}'"
    op.execute(f"DO $grant$ BEGIN EXECUTE format('{statement} %I', {role}); END $grant$")
