"""``/analytics``: the site in figures, and its energy by buckets."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Annotated, Any, Final, Literal

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get
from litestar.params import FromQuery, QueryParameter

from adapters.http_api.downloads import MEDIA_TYPES, asked_form
from adapters.http_api.places import placed
from adapters.web.authentication import requires
from adapters.web.parameters import End, Resolution, Start, Zone
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant
from domain.operations.model import Role
from domain.sensors.model import RoomName, SensorId
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.energy import Energy, EnergyQuestion, EnergyReport
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.summary import Summarise, Summary
from domain.sensors.table_ports import TableFormat
from domain.sensors.tariffs import TariffName
from domain.shared.errors import InvalidError, Problem
from domain.shared.periods import Period
from domain.shared.quantities import Quality

_DAY: Final = Period(days=1)


class PreviousAnswer(msgspec.Struct, kw_only=True):
    """The time of equal length before, and the change from then to now."""

    energy_kwh: float | None
    change_percent: float | None
    coverage: float
    quality: Quality


class SensorShareAnswer(msgspec.Struct, kw_only=True):
    """A sensor's energy, and its share of all."""

    sensor_id: str
    name: str
    energy_kwh: float
    share: float | None


class RoomShareAnswer(msgspec.Struct, kw_only=True):
    """A room's energy, and its share of all."""

    room_name: str
    energy_kwh: float
    share: float | None


class SummaryAnswer(msgspec.Struct, kw_only=True):
    """The site in figures, null where nothing is known.

    ``peak_power_kw`` is the highest mean of a quarter-hour, ``peak_time`` its start, ``load_factor`` the
    mean power divided by the peak. ``missing_sensors`` gave nothing in this time, ``stale_sensors`` give
    nothing now.
    """

    start: Instant
    end: Instant
    energy_kwh: float | None
    mean_power_kw: float | None
    peak_power_kw: float | None
    peak_time: Instant | None
    load_factor: float | None
    peak_reason: str | None
    previous: PreviousAnswer
    top_sensors: list[SensorShareAnswer]
    top_rooms: list[RoomShareAnswer]
    stale_sensors: list[str]
    missing_sensors: list[str]
    coverage: float
    coverage_min: float
    quality: Quality


class EnergyBucketAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The energy of a bucket, its cost and CO2 where a tariff was named.

    ``unpriced_kwh`` is known energy that fell into no period of the tariff, and ``co2_unknown_kwh`` that
    of periods without a CO2 factor: neither is in the sums.
    """

    start: Instant
    end: Instant
    energy_kwh: float | None
    coverage: float
    coverage_min: float
    quality: Quality
    settled: bool
    missing_sensors: list[str]
    cost: float | msgspec.UnsetType | None = msgspec.UNSET
    co2_kg: float | msgspec.UnsetType | None = msgspec.UNSET
    unpriced_kwh: float | msgspec.UnsetType | None = msgspec.UNSET
    co2_unknown_kwh: float | msgspec.UnsetType | None = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET


class EnergySeriesAnswer(msgspec.Struct, kw_only=True):
    """The energy of one group."""

    key: str | None
    unit: str
    buckets: list[EnergyBucketAnswer]


class EnergyAnswer(msgspec.Struct, kw_only=True):
    """The energy of all groups; ``currency`` is that of the tariff."""

    series: list[EnergySeriesAnswer]
    currency: str | None


Tariff = Annotated[str | None, QueryParameter(description="The name of a tariff, for cost and CO2.")]
SensorIds = Annotated[
    list[str] | None, QueryParameter(name="sensor_id", description="May be given several times.")
]
RoomNames = Annotated[
    list[str] | None, QueryParameter(name="room_name", description="May be given several times.")
]


class AnalyticsController(Controller):
    """What the readings come to; nothing is counted twice."""

    path = "/analytics"
    tags = ("Analytics",)
    guards = (requires(Role.VIEWER),)

    @get("/summary", summary="The site in figures")
    @inject
    async def summary(
        self, summarise: FromDishka[Summarise], start: Start = None, end: End = None, timezone: Zone = None
    ) -> SummaryAnswer:
        """Return energy, mean and peak power, and who used most: of the last 24 hours if nothing is named."""
        with placed():
            return _summary(await summarise.of(start, end, timezone))

    @get("/energy", summary="Energy, cost and CO2 by buckets")
    @inject
    async def energy(
        self,
        request: Request[Any, Any, Any],
        energy: FromDishka[Energy],
        start: Start = None,
        end: End = None,
        resolution: Resolution = None,
        group_by: FromQuery[GroupBy] = GroupBy.NONE,
        timezone: Zone = None,
        tariff: Tariff = None,
        sensor_id: SensorIds = None,
        room_name: RoomNames = None,
        format: Annotated[  # noqa: A002 - the API's name
            Literal["json", "csv"] | None, QueryParameter(description="Without it, `Accept` decides.")
        ] = None,
    ) -> Response[EnergyAnswer | str]:
        """Return kWh by calendar buckets of the `timezone` (days, if no `resolution` is named).

        Every bucket says how far it can be trusted; with a `tariff` also what it cost and emitted.
        """
        if start is None or end is None:
            problem = Problem(
                f"/query/{'start' if start is None else 'end'}", "required", "energy needs both ends"
            )
            raise InvalidError("range_required", "start and end are needed", [problem])
        with placed():
            report = await energy.report(
                EnergyQuestion(
                    start=start,
                    end=end,
                    resolution=_DAY if resolution is None else resolution.period,
                    group_by=group_by,
                    zone=timezone,
                    tariff=None if tariff is None else TariffName(tariff),
                    sensor_ids=None if sensor_id is None else tuple(map(SensorId, sensor_id)),
                    room_names=None if room_name is None else tuple(map(RoomName, room_name)),
                )
            )
        if asked_form(request, format) is TableFormat.CSV:
            return Response(
                "".join(_csv(report)),
                media_type=f"{MEDIA_TYPES[TableFormat.CSV]}; header=present",
                headers={"Content-Disposition": 'attachment; filename="energy.csv"', "Vary": "accept"},
            )
        return NegotiatedResponse(_energy(report))


def _summary(found: Summary) -> SummaryAnswer:
    return SummaryAnswer(
        start=Instant.of(found.start),
        end=Instant.of(found.end),
        energy_kwh=found.energy_kwh,
        mean_power_kw=found.mean_power_kw,
        peak_power_kw=found.peak_power_kw,
        peak_time=None if found.peak_time is None else Instant.of(found.peak_time),
        load_factor=found.load_factor,
        peak_reason=found.peak_reason,
        previous=PreviousAnswer(
            energy_kwh=found.previous.aggregates[Aggregate.ENERGY],
            change_percent=found.change_percent,
            coverage=found.previous.coverage,
            quality=found.previous.quality,
        ),
        top_sensors=[
            SensorShareAnswer(
                sensor_id=one.sensor_id, name=one.name, energy_kwh=one.energy_kwh, share=one.share
            )
            for one in found.top_sensors
        ],
        top_rooms=[
            RoomShareAnswer(room_name=one.room_name, energy_kwh=one.energy_kwh, share=one.share)
            for one in found.top_rooms
        ],
        stale_sensors=[*found.stale_sensors],
        missing_sensors=[*found.missing_sensors],
        coverage=found.coverage,
        coverage_min=found.coverage_min,
        quality=found.quality,
    )


def _energy(report: EnergyReport) -> EnergyAnswer:
    series = []
    for one in report.series:
        answers = [
            EnergyBucketAnswer(
                start=Instant.of(bucket.start),
                end=Instant.of(bucket.end),
                energy_kwh=bucket.aggregates[Aggregate.ENERGY],
                coverage=bucket.coverage,
                coverage_min=bucket.coverage_min,
                quality=bucket.quality,
                settled=bucket.settled,
                missing_sensors=[*bucket.missing_sensors],
                reason=msgspec.UNSET if bucket.reason is None else bucket.reason,
            )
            for bucket in one.buckets
        ]
        for answer, cost in zip(answers, one.costs or (), strict=False):
            answer.cost, answer.co2_kg = cost.cost, cost.co2_kg
            answer.unpriced_kwh, answer.co2_unknown_kwh = cost.unpriced_kwh, cost.co2_unknown_kwh
        series.append(EnergySeriesAnswer(key=one.key, unit="kWh", buckets=answers))
    return EnergyAnswer(series=series, currency=report.currency)


_COLUMNS: Final = [
    "start",
    "end",
    "energy_kwh",
    "coverage",
    "coverage_min",
    "quality",
    "settled",
    "cost",
    "co2_kg",
    "unpriced_kwh",
    "co2_unknown_kwh",
]


def _csv(report: EnergyReport) -> Iterator[str]:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["key", *_COLUMNS, "currency"])
    for series in _energy(report).series:
        for bucket in series.buckets:
            row = [getattr(bucket, column) for column in _COLUMNS]
            cells = ["" if cell is None or cell is msgspec.UNSET else cell for cell in row]
            cells[0], cells[1] = bucket.start.isoformat(), bucket.end.isoformat()
            cells[6] = str(bucket.settled).lower()
            writer.writerow([series.key or "", *cells, report.currency or ""])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()
