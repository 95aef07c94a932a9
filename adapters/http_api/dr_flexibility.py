"""``/demand-response/flexibility``: what can be shed now and in the coming hours, with the evidence."""

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.params import FromPath

from adapters.http_api.dr_fields import TAG
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.demand_response.flexibility import Evidence, Flexibility
from domain.demand_response.model import DeviceId
from domain.demand_response.services.flexibility import FlexibilityReports
from domain.operations.model import Role


class LimitAnswer(msgspec.Struct, kw_only=True):
    """What stands against shedding: a stable code, and a text for people."""

    code: str
    detail: str


class HourAnswer(msgspec.Struct, kw_only=True):
    """What can be shed in the hour that begins then; null where nothing is known of such hours."""

    start: Instant
    kw: float | None


class EvidenceAnswer(msgspec.Struct, kw_only=True):
    """What flexibility rests on: the newest power and its age, and what is usual at this hour.

    ``p10``, ``p50`` and ``p90`` are of the mean power (kW) in the same hours of 28 days, weekdays apart from
    Saturdays and Sundays. ``delivered_ratio`` is what was delivered by what was committed in events so far.
    """

    power_kw: float | None
    age_seconds: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    delivered_ratio: float | None


class FlexibilityAnswer(msgspec.Struct, kw_only=True):
    """How many kW a device can shed on top of what it sheds already: 0 where one of the ``limits`` binds.

    Codes of limits: ``stale, offline, not_controllable, outside_availability, rest, daily_count, comfort``;
    beside them ``serves_another`` tells of an event that the device serves now, and does not make it 0: what
    is left is for an event of a higher priority.
    """

    device_id: str
    now_kw: float
    limits: list[LimitAnswer]
    hours: list[HourAnswer]
    evidence: EvidenceAnswer


def _evidence(evidence: Evidence) -> EvidenceAnswer:
    usual = evidence.usual
    return EvidenceAnswer(
        power_kw=evidence.power_kw,
        age_seconds=None if evidence.age is None else evidence.age.total_seconds(),
        p10=None if usual is None else usual.p10,
        p50=None if usual is None else usual.p50,
        p90=None if usual is None else usual.p90,
        delivered_ratio=evidence.delivered_ratio,
    )


def _answer(found: Flexibility) -> FlexibilityAnswer:
    return FlexibilityAnswer(
        device_id=found.device_id,
        now_kw=found.now_kw,
        limits=[LimitAnswer(code=one.code, detail=one.detail) for one in found.limits],
        hours=[HourAnswer(start=Instant.of(one.start), kw=one.kw) for one in found.hours],
        evidence=_evidence(found.evidence),
    )


class DrFlexibilityController(Controller):
    """What can be shed."""

    path = "/demand-response"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/flexibility", summary="List the flexibility of all devices")
    @inject
    async def list_flexibility(
        self, reports: FromDishka[FlexibilityReports], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[FlexibilityAnswer]:
        """Return the kW that each device can shed now and in each of the next 24 hours, by device."""
        found, total = await reports.list(limit, offset)
        return Page(items=[_answer(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/devices/{device_id:str}/flexibility", summary="Get the flexibility of a device")
    @inject
    async def get_flexibility(
        self, device_id: FromPath[str], reports: FromDishka[FlexibilityReports]
    ) -> FlexibilityAnswer:
        """Return the kW that the device can shed now and in each of the next 24 hours, with the evidence."""
        return _answer(await reports.get(DeviceId(device_id)))
