"""${message}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from alembic import op

from migrations.grants import grant

revision = ${'"%s"' % up_revision}
down_revision = ${'"%s"' % down_revision if down_revision else None}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("")
    grant("SELECT", "schema.table", to="module")


def downgrade() -> None:
    op.execute("")
