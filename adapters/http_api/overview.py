"""``/overview``: what there is and how it fares."""

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get

from adapters.web.authentication import requires
from adapters.web.times import Instant
from domain.operations.jobs import JobOutcome, JobReport
from domain.operations.model import Role
from domain.operations.overview import DeviceNumbers, Figure, IngestedFile, Overview, OverviewSource
from domain.shared.quantities import Quality


class DeviceNumbersAnswer(msgspec.Struct, kw_only=True):
    """How many of the configured devices have each status."""

    online: int
    degraded: int
    offline: int
    unknown: int
    total: int


class TrustAnswer(msgspec.Struct, kw_only=True):
    """How far a figure can be trusted: the share of time or members that readings account for, and a word."""

    coverage: float
    quality: Quality


class EventNumbersAnswer(msgspec.Struct, kw_only=True):
    """How many demand response events run now, and how many are to come."""

    active: int
    upcoming: int


class IngestedFileAnswer(msgspec.Struct, kw_only=True):
    """The meter file that was read last."""

    file_id: str
    path: str
    status: str
    time: Instant


class BackgroundTaskAnswer(msgspec.Struct, kw_only=True):
    """A job that is done again and again, by one of all processes each time.

    ``last_run`` is when the last run that ended began; its ``duration_seconds``, ``outcome`` and ``error``
    belong to it. ``running_since`` is null while it does not run. ``overdue``: no process has run it for
    longer than an interval.
    """

    name: str
    interval_seconds: float
    running_since: Instant | None
    last_run: Instant | None
    duration_seconds: float | None
    outcome: JobOutcome | None
    error: str | None
    next_run: Instant | None
    overdue: bool


class OverviewAnswer(msgspec.Struct, kw_only=True):
    """What there is and how it fares now. A figure that is not known is null, never 0."""

    time: Instant
    sensors: int
    rooms: int
    devices: DeviceNumbersAnswer | None
    readings_last_hour: int
    power_now_kw: float | None
    power_now: TrustAnswer
    energy_today_kwh: float | None
    energy_today: TrustAnswer
    dr_events: EventNumbersAnswer
    last_file: IngestedFileAnswer | None
    background_tasks: list[BackgroundTaskAnswer]


def _devices(numbers: DeviceNumbers) -> DeviceNumbersAnswer:
    return DeviceNumbersAnswer(
        online=numbers.online,
        degraded=numbers.degraded,
        offline=numbers.offline,
        unknown=numbers.unknown,
        total=numbers.online + numbers.degraded + numbers.offline + numbers.unknown,
    )


def _trust(figure: Figure) -> TrustAnswer:
    return TrustAnswer(coverage=figure.coverage, quality=figure.quality)


def _file(file: IngestedFile) -> IngestedFileAnswer:
    return IngestedFileAnswer(
        file_id=file.file_id, path=file.path, status=file.status, time=Instant.of(file.time)
    )


def _task(job: JobReport) -> BackgroundTaskAnswer:
    last = job.last
    return BackgroundTaskAnswer(
        name=job.name,
        interval_seconds=job.every.total_seconds(),
        running_since=None if job.running_since is None else Instant.of(job.running_since),
        last_run=None if last is None else Instant.of(last.started_at),
        duration_seconds=None if last is None else (last.ended_at - last.started_at).total_seconds(),
        outcome=None if last is None else last.outcome,
        error=None if last is None else last.error,
        next_run=None if job.next_run is None else Instant.of(job.next_run),
        overdue=job.overdue,
    )


def _answer(found: Overview) -> OverviewAnswer:
    return OverviewAnswer(
        time=Instant.of(found.time),
        sensors=found.sensors,
        rooms=found.rooms,
        devices=None if found.devices is None else _devices(found.devices),
        readings_last_hour=found.readings_last_hour,
        power_now_kw=found.power_now_kw.value,
        power_now=_trust(found.power_now_kw),
        energy_today_kwh=found.energy_today_kwh.value,
        energy_today=_trust(found.energy_today_kwh),
        dr_events=EventNumbersAnswer(active=found.events.active, upcoming=found.events.upcoming),
        last_file=None if found.last_file is None else _file(found.last_file),
        background_tasks=[_task(job) for job in found.jobs],
    )


@get("/overview", summary="What there is and how it fares", tags=["Overview"], guards=[requires(Role.VIEWER)])
@inject
async def overview(source: FromDishka[OverviewSource]) -> OverviewAnswer:
    """Return the numbers of now, and how the background tasks of all processes fare."""
    return _answer(await source.read())
