"""The one metadata of all tables; each schema's tables stand in a file of their own."""

from typing import Final

from sqlalchemy import MetaData

SCHEMAS: Final = ("ops", "sensors", "ingestion", "demand_response")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
