"""Metrics of rooms, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.timescale.session import Session
from domain.sensors.model import RoomName, SensorId
from domain.sensors.room_metrics import KeptTimes, MarkedDay, RoomMetrics, RoomMetricsStore
from domain.shared.quantities import Quality

_FIGURES: Final = (
    "coverage",
    "power_kw",
    "slot_energy_kwh",
    "energy_kwh",
    "temperature",
    "humidity",
    "co2",
    "co2_peak",
    "occupancy",
    "comfort_share",
)
_REST: Final = ("ends_at", *_FIGURES, "occupancy_estimated", "comfort", "quality", "missing_sensors")
_COLUMNS: Final = ", ".join(("room_name", "starts_at", *_REST))
# Arrays of arrays cannot be taken apart row by row: the ids are one text each, split by what no id holds.
_TYPES: Final = (
    "text",
    "timestamptz",
    "timestamptz",
    *("float8" for _ in _FIGURES),
    "bool",
    "bool",
    "text",
    "text",
)
_UNNESTED: Final = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES, 1))
# The rooms are held until the end, so that none goes while its rows come; in order, as all who take rows.
_PUT: Final = f"""WITH given AS (SELECT * FROM unnest({_UNNESTED}) AS given ({_COLUMNS})),
known AS MATERIALIZED (
  SELECT room_name FROM sensors.rooms WHERE room_name = ANY($1::text[]) ORDER BY room_name FOR KEY SHARE)
INSERT INTO sensors.room_metrics AS stored ({_COLUMNS})
SELECT {_COLUMNS.replace("missing_sensors", "string_to_array(missing_sensors, ' ')")}
FROM given JOIN known USING (room_name) ORDER BY room_name, starts_at
ON CONFLICT (room_name, starts_at) DO UPDATE SET {", ".join(f"{one} = excluded.{one}" for one in _REST)}"""  # noqa: S608 - constants
_NEWEST: Final = f"""SELECT stored.* FROM unnest($1::text[]) AS wanted (name)
CROSS JOIN LATERAL (SELECT {_COLUMNS} FROM sensors.room_metrics WHERE room_name = wanted.name
  ORDER BY starts_at DESC LIMIT 1) AS stored"""  # noqa: S608 - constants
_BETWEEN: Final = f"""SELECT {_COLUMNS} FROM sensors.room_metrics
WHERE room_name = ANY($1::text[]) AND starts_at >= $2 AND starts_at < $3 ORDER BY room_name, starts_at"""  # noqa: S608 - constants
_PAGE: Final = f"""SELECT {_COLUMNS} FROM sensors.room_metrics
WHERE room_name = $1 AND starts_at >= $2 AND starts_at < $3 ORDER BY starts_at LIMIT $4"""  # noqa: S608 - constants
_KEPT: Final = """SELECT wanted.name, oldest.starts_at, newest.starts_at
FROM unnest($1::text[]) AS wanted (name)
CROSS JOIN LATERAL (SELECT starts_at FROM sensors.room_metrics WHERE room_name = wanted.name
  ORDER BY starts_at LIMIT 1) AS oldest
CROSS JOIN LATERAL (SELECT starts_at FROM sensors.room_metrics WHERE room_name = wanted.name
  ORDER BY starts_at DESC LIMIT 1) AS newest"""
# Room by room, so that the key finds the rows.
_PURGE: Final = """DELETE FROM sensors.room_metrics WHERE ctid = ANY(ARRAY(
  SELECT old.ctid FROM sensors.rooms CROSS JOIN LATERAL (
    SELECT ctid FROM sensors.room_metrics AS stored
    WHERE stored.room_name = rooms.room_name AND stored.starts_at < $1 OFFSET 0) AS old))"""
_MARK: Final = """WITH given AS (SELECT * FROM unnest($1::text[], $2::date[]) AS given (room_name, day)),
known AS MATERIALIZED (
  SELECT room_name FROM sensors.rooms WHERE room_name = ANY($1::text[]) ORDER BY room_name FOR KEY SHARE)
INSERT INTO sensors.stale_room_metrics AS stored (room_name, day)
SELECT DISTINCT room_name, day FROM given JOIN known USING (room_name) ORDER BY room_name, day
ON CONFLICT (room_name, day) DO UPDATE SET version = stored.version + 1"""
_MARKED: Final = """SELECT room_name, day, version FROM sensors.stale_room_metrics
ORDER BY day DESC, room_name LIMIT $1"""
_UNMARK: Final = """DELETE FROM sensors.stale_room_metrics AS stored
USING unnest($1::text[], $2::date[], $3::int[]) AS given (room_name, day, version)
WHERE stored.room_name = given.room_name AND stored.day = given.day AND stored.version = given.version"""


class TimescaleRoomMetricsStore(RoomMetricsStore):
    """The tables ``sensors.room_metrics`` and ``sensors.stale_room_metrics``."""

    def __init__(self, session: Session) -> None:
        self._driver = session.driver

    async def put(self, metrics: Sequence[RoomMetrics]) -> None:
        if not metrics:
            return
        await self._driver.execute(
            _PUT,
            [one.room_name for one in metrics],
            [one.start for one in metrics],
            [one.end for one in metrics],
            *([getattr(one, name) for one in metrics] for name in _FIGURES),
            [one.occupancy_estimated for one in metrics],
            [one.comfort for one in metrics],
            [one.quality.value for one in metrics],
            [" ".join(one.missing_sensors) or None for one in metrics],
        )

    async def newest(self, rooms: Collection[RoomName]) -> Mapping[RoomName, RoomMetrics]:
        rows = await self._driver.fetch(_NEWEST, list(rooms))
        return {RoomName(row["room_name"]): _metrics(row) for row in rows}

    async def between(
        self, rooms: Collection[RoomName], start: datetime, end: datetime
    ) -> Sequence[RoomMetrics]:
        return [_metrics(row) for row in await self._driver.fetch(_BETWEEN, list(rooms), start, end)]

    async def page(self, room: RoomName, start: datetime, end: datetime, limit: int) -> Sequence[RoomMetrics]:
        return [_metrics(row) for row in await self._driver.fetch(_PAGE, room, start, end, limit)]

    async def kept(self, rooms: Collection[RoomName]) -> Mapping[RoomName, KeptTimes]:
        rows = await self._driver.fetch(_KEPT, list(rooms))
        return {RoomName(name): KeptTimes(oldest, newest) for name, oldest, newest in rows}

    async def purge(self, before: datetime) -> int:
        deleted: str = await self._driver.execute(_PURGE, before)
        return int(deleted.split()[1])

    async def delete(self, room: RoomName) -> None:
        await self._driver.execute("DELETE FROM sensors.room_metrics WHERE room_name = $1", room)
        await self._driver.execute("DELETE FROM sensors.stale_room_metrics WHERE room_name = $1", room)

    async def mark(self, days: Mapping[RoomName, Collection[date]]) -> None:
        rows = [(room, day) for room, of_room in days.items() for day in of_room]
        if rows:
            await self._driver.execute(_MARK, [room for room, _ in rows], [day for _, day in rows])

    async def marked(self, limit: int) -> Sequence[MarkedDay]:
        rows = await self._driver.fetch(_MARKED, limit)
        return [MarkedDay(RoomName(room), day, version) for room, day, version in rows]

    async def unmark(self, marks: Collection[MarkedDay]) -> None:
        await self._driver.execute(
            _UNMARK,
            [one.room_name for one in marks],
            [one.day for one in marks],
            [one.version for one in marks],
        )


def _metrics(row: Any) -> RoomMetrics:  # noqa: ANN401 - asyncpg is untyped
    (room, start, end, *figures, estimated, comfort, quality, missing) = row
    return RoomMetrics(
        room_name=RoomName(room),
        start=start,
        end=end,
        **dict(zip(_FIGURES, figures, strict=True)),
        occupancy_estimated=estimated,
        comfort=comfort,
        quality=Quality(quality),
        missing_sensors=tuple(SensorId(one) for one in missing or ()),
    )
