"""Tariffs in PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.session import Session
from adapters.timescale.tables.tariffs import tariff_periods, tariffs
from domain.sensors.ports import TariffStore
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.weeks import Weekday


class TimescaleTariffStore(TariffStore):
    """The tables ``sensors.tariffs`` and ``sensors.tariff_periods``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, tariff: Tariff) -> bool:
        added = await self._session.execute(
            insert(tariffs).values(**_columns(tariff)).on_conflict_do_nothing().returning(tariffs.c.name)
        )
        created = added.first() is not None
        if not created:
            # This locks the row: of two at once, the later one replaces all that the earlier one stored.
            await self._session.execute(
                tariffs.update().where(tariffs.c.name == tariff.name).values(**_columns(tariff))
            )
            await self._session.execute(
                tariff_periods.delete().where(tariff_periods.c.tariff_name == tariff.name)
            )
        await self._session.execute(insert(tariff_periods).values(_period_rows(tariff)))
        return created

    async def get(self, name: TariffName) -> Tariff | None:
        found = await self._session.execute(select(tariffs).where(tariffs.c.name == name))
        whole = await self._with_periods(found.all())
        return whole[0] if whole else None

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Tariff], int]:
        total = (await self._session.execute(select(func.count()).select_from(tariffs))).scalar_one()
        found = await self._session.execute(
            select(tariffs).order_by(tariffs.c.name.collate("C")).limit(limit).offset(offset)
        )
        return await self._with_periods(found.all()), total

    async def delete(self, name: TariffName) -> bool:
        deleted = await self._session.execute(
            tariffs.delete().where(tariffs.c.name == name).returning(tariffs.c.name)
        )
        return deleted.first() is not None

    async def _with_periods(self, rows: Sequence[Row[Any]]) -> Sequence[Tariff]:
        if not rows:
            return []
        found = await self._session.execute(
            select(tariff_periods)
            .where(tariff_periods.c.tariff_name.in_([row.name for row in rows]))
            .order_by(tariff_periods.c.tariff_name, tariff_periods.c.position)
        )
        periods: dict[str, list[TariffPeriod]] = defaultdict(list)
        for row in found:
            periods[row.tariff_name].append(_period(row))
        return [_tariff(row, periods[row.name]) for row in rows]


def _columns(tariff: Tariff) -> dict[str, object]:
    return {
        "name": tariff.name,
        "currency": tariff.currency,
        "timezone": tariff.timezone,
        "valid_from": tariff.valid_from,
        "valid_until": tariff.valid_until,
    }


def _period_rows(tariff: Tariff) -> Sequence[dict[str, object]]:
    return [
        {
            "tariff_name": tariff.name,
            "position": position,
            "days": [day.value for day in Weekday if day in period.days],
            "from_minute": period.from_minute,
            "to_minute": period.to_minute,
            "price_per_kwh": period.rate.price_per_kwh,
            "co2_g_per_kwh": period.rate.co2_g_per_kwh,
        }
        for position, period in enumerate(tariff.periods)
    ]


def _tariff(row: Row[Any], periods: Iterable[TariffPeriod]) -> Tariff:
    return Tariff(
        name=TariffName(row.name),
        currency=row.currency,
        timezone=row.timezone,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        periods=tuple(periods),
    )


def _period(row: Row[Any]) -> TariffPeriod:
    return TariffPeriod(
        days=frozenset(Weekday(day) for day in row.days),
        from_minute=row.from_minute,
        to_minute=row.to_minute,
        rate=Rate(row.price_per_kwh, row.co2_g_per_kwh),
    )
