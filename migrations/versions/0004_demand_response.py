"""demand_response: the schema and its role's way into it; its tables come with the module.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

from migrations.grants import grant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA demand_response")
    op.execute("COMMENT ON SCHEMA demand_response IS 'Energy Dashboard: demand response.'")
    grant("USAGE", "SCHEMA demand_response", to="demand_response")


def downgrade() -> None:
    op.execute("DROP SCHEMA demand_response")
