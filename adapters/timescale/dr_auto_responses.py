"""Rules for automatic answers in PostgreSQL."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.dr_documents import document
from adapters.timescale.session import Session
from adapters.timescale.tables.demand_response import ALL_OTHERS, auto_responses
from domain.demand_response.auto_response import AutoResponse, Decision
from domain.demand_response.model import DeviceId, WeekWindow
from domain.demand_response.store_ports import AutoResponseStore


class TimescaleAutoResponseStore(AutoResponseStore):
    """The table ``demand_response.auto_responses``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, rule: AutoResponse) -> None:
        columns = _columns(rule)
        await self._session.execute(
            insert(auto_responses)
            .values(device_id=_key(rule.device_id), **columns)
            .on_conflict_do_update(index_elements=[auto_responses.c.device_id], set_=columns)
        )

    async def get(self, device_id: DeviceId | None) -> AutoResponse | None:
        wanted = select(auto_responses).where(auto_responses.c.device_id == _key(device_id))
        row = (await self._session.execute(wanted)).first()
        return None if row is None else _rule(row)

    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, AutoResponse]:
        if not device_ids:
            return {}
        wanted = select(auto_responses).where(auto_responses.c.device_id == func.any(list(device_ids)))
        return {DeviceId(row.device_id): _rule(row) for row in await self._session.execute(wanted)}

    async def delete(self, device_id: DeviceId) -> bool:
        deleted = await self._session.execute(
            delete(auto_responses).where(auto_responses.c.device_id == device_id)
        )
        return bool(deleted.rowcount)


def _key(device_id: DeviceId | None) -> str:
    return ALL_OTHERS if device_id is None else device_id


def _columns(rule: AutoResponse) -> dict[str, object]:
    return {
        "enabled": rule.enabled,
        "min_notice": rule.min_notice,
        "max_duration": rule.max_duration,
        "max_events_per_day": rule.max_events_per_day,
        "min_price": rule.min_price,
        "hours": document(rule.hours),
        "keep_comfort": rule.keep_comfort,
        "decision": rule.decision.value,
    }


def _rule(row: Row[Any]) -> AutoResponse:
    return AutoResponse(
        device_id=None if row.device_id == ALL_OTHERS else DeviceId(row.device_id),
        enabled=row.enabled,
        min_notice=row.min_notice,
        max_duration=row.max_duration,
        max_events_per_day=row.max_events_per_day,
        min_price=row.min_price,
        hours=msgspec.convert(row.hours, tuple[WeekWindow, ...] | None),
        keep_comfort=row.keep_comfort,
        decision=Decision(row.decision),
    )
