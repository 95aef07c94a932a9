"""``/demand-response/baselines``: the load that would have been, and how far a method is off."""

from datetime import date
from typing import Annotated, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from adapters.http_api.dr_baseline_answers import BaselineAnswer, RangeAnswer, baseline_parts
from adapters.http_api.dr_fields import TAG, check_calendar, in_query
from adapters.http_api.places import placed
from adapters.http_api.tariffs import From, To
from adapters.web.authentication import requires
from adapters.web.times import Elapsed, Instant, Span
from domain.demand_response.accuracy import Accuracy, ClockWindow
from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.model import DeviceId
from domain.demand_response.services.baselines import AccuracyQuery, BaselineQuery, Baselines
from domain.operations.model import Role
from domain.shared.time import TimeRange
from domain.shared.weeks import parse_clock

_IN_QUERY: Final = {
    "invalid_resolution": "/resolution",
    "unaligned_window": "/duration",
    "window_too_long": "/duration",
}
_IN_BODY: Final = dict.fromkeys(_IN_QUERY, "/window")

DeviceParameter = Annotated[
    str, QueryParameter(name="device_id", description="A demand response device that is metered.")
]
StartParameter = Annotated[Instant, QueryParameter(description="The first moment of the window: a minute.")]
DurationParameter = Annotated[
    Span, QueryParameter(description="The length of the window (ISO 8601): whole minutes, a day at most.")
]
ResolutionParameter = Annotated[
    Elapsed | None,
    QueryParameter(description="The length of an interval; absent: 15 minutes, or what fits the window."),
]


class ClockFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A time of each day, by the clocks of the site."""

    from_: From = msgspec.field(name="from")
    to: To


class AccuracyFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A method to be tried in the window of each local day from that of ``start`` to that before ``end``."""

    device_id: str
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN
    adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE
    start: Instant
    end: Instant
    window: ClockFields


class PlaceboDayAnswer(msgspec.Struct, kw_only=True):
    """A day on which the method was tried: sums over the intervals of its window.

    ``error_kw`` sums baseline minus load, ``squared_error_kw2`` the squares of that, ``load_kw`` the loads.
    """

    date: date
    intervals: int
    error_kw: float
    squared_error_kw2: float
    load_kw: float


class SkippedDayAnswer(msgspec.Struct, kw_only=True):
    """A day on which the method was not tried, and why."""

    date: date
    code: str


class AccuracyAnswer(msgspec.Struct, kw_only=True):
    """How far the method was off, as shares of the load: 0.05 is 5 %.

    ``bias`` is the sum of ``error_kw`` divided by that of ``load_kw``: above 0 where more load is found than
    there was. ``cv_rmse`` is the root of the mean of the squares, divided by the mean load. Both are null
    where there were no days, or no load.
    """

    device_id: str
    method: BaselineMethod
    adjustment: AdjustmentKind
    start: Instant
    end: Instant
    window: ClockFields
    bias: float | None
    cv_rmse: float | None
    days: list[PlaceboDayAnswer]
    skipped: list[SkippedDayAnswer]


def _accuracy(data: AccuracyFields, found: Accuracy) -> AccuracyAnswer:
    asked = RangeAnswer.of(TimeRange(data.start, data.end))
    return AccuracyAnswer(
        device_id=data.device_id,
        method=found.method,
        adjustment=found.adjustment,
        start=asked.start,
        end=asked.end,
        window=data.window,
        bias=found.bias,
        cv_rmse=found.cv_rmse,
        days=[
            PlaceboDayAnswer(
                date=one.day,
                intervals=one.intervals,
                error_kw=one.error_kw,
                squared_error_kw2=one.squared_error_kw2,
                load_kw=one.load_kw,
            )
            for one in found.days
        ],
        skipped=[SkippedDayAnswer(date=one.day, code=one.code.value) for one in found.skipped],
    )


class DrBaselinesController(Controller):
    """Baselines of any window, past ones too."""

    path = "/demand-response/baselines"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/", summary="Get a baseline")
    @inject
    async def get_baseline(
        self,
        baselines: FromDishka[Baselines],
        device_id: DeviceParameter,
        start: StartParameter,
        duration: DurationParameter,
        method: FromQuery[BaselineMethod] = BaselineMethod.TEN_OF_TEN,
        adjustment: FromQuery[AdjustmentKind] = AdjustmentKind.MULTIPLICATIVE,
        resolution: ResolutionParameter = None,
    ) -> BaselineAnswer:
        """Return the load that the device would have had in the window, with all that it was made of.

        Without enough data it is `INSUFFICIENT_DATA` and no number, before the window is over `PENDING`.
        """
        with in_query(_IN_QUERY):
            check_calendar(start=start)
            query = BaselineQuery(
                device_id=DeviceId(device_id),
                start=start,
                duration=duration,
                method=method,
                adjustment=adjustment,
                resolution=resolution,
            )
            return BaselineAnswer(**baseline_parts(await baselines.of(query)))

    @post("/accuracy", summary="Try a baseline method", status_code=200)
    @inject
    async def try_method(
        self, data: JSONBody[AccuracyFields], baselines: FromDishka[Baselines]
    ) -> AccuracyAnswer:
        """Try the method on days without an event, where the right answer was metered; nothing is kept.

        Days with an event or a clock change, and those of which too little is known, are skipped.
        """
        check_calendar(start=data.start, end=data.end)
        with placed(_IN_BODY):
            found = await baselines.accuracy(
                AccuracyQuery(
                    device_id=DeviceId(data.device_id),
                    start=data.start,
                    end=data.end,
                    window=ClockWindow(parse_clock(data.window.from_), parse_clock(data.window.to)),
                    method=data.method,
                    adjustment=data.adjustment,
                )
            )
        return _accuracy(data, found)
