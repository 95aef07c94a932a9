"""sensors: tariffs.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

from migrations.grants import grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE sensors.tariffs (
    name text NOT NULL,
    currency text NOT NULL,
    timezone text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    CONSTRAINT pk_tariffs PRIMARY KEY (name),
    CONSTRAINT ck_tariffs_validity CHECK (valid_until > valid_from)
);
CREATE TABLE sensors.tariff_periods (
    tariff_name text NOT NULL,
    position smallint NOT NULL,
    days text[] NOT NULL,
    from_minute smallint NOT NULL,
    to_minute smallint NOT NULL,
    price_per_kwh double precision NOT NULL,
    co2_g_per_kwh double precision,
    CONSTRAINT pk_tariff_periods PRIMARY KEY (tariff_name, position),
    CONSTRAINT fk_tariff_periods_tariff_name_tariffs FOREIGN KEY (tariff_name)
        REFERENCES sensors.tariffs (name) ON DELETE CASCADE,
    CONSTRAINT ck_tariff_periods_from_minute CHECK (from_minute BETWEEN 0 AND 1439),
    CONSTRAINT ck_tariff_periods_to_minute
        CHECK (to_minute BETWEEN 0 AND 1440 AND to_minute <> from_minute)
);
COMMENT ON TABLE sensors.tariffs IS
    'Prices of energy; valid_until is the first moment after, null: for good.';
COMMENT ON TABLE sensors.tariff_periods IS
    'When a price holds: on days such as {mon,tue}, in minutes from the local midnight of the'
    ' tariff''s timezone; where to_minute is below from_minute, it is on the day after.';
"""


def upgrade() -> None:
    op.execute(_TABLES)
    grant("SELECT, INSERT, UPDATE, DELETE", "sensors.tariffs", to="sensors")
    # A tariff's periods are replaced together.
    grant("SELECT, INSERT, DELETE", "sensors.tariff_periods", to="sensors")


def downgrade() -> None:
    op.execute("DROP TABLE sensors.tariff_periods")
    op.execute("DROP TABLE sensors.tariffs")
