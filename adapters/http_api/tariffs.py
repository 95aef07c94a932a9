"""``/tariffs``: what energy costs and emits, by the hour of the week."""

import re
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, put
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from adapters.web.authentication import requires
from adapters.web.faults import described
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant, parse_time
from domain.operations.model import Principal, Role
from domain.sensors.services.tariff_rules import MAX_PERIODS
from domain.sensors.services.tariffs import Tariffs
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod, start_of_day
from domain.shared.errors import InvalidError, Problem
from domain.shared.weeks import Weekday, parse_clock, written_clock

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Moment = Annotated[
    str | float,
    msgspec.Meta(
        description="RFC 3339 with an offset (or epoch seconds or milliseconds), or a date: its first moment"
        " in the tariff's zone. Answered as RFC 3339 in UTC.",
        examples=["2026-01-01", "2026-01-01T00:00:00+00:00"],
    ),
]
From = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="Local time, HH:MM.", examples=["22:00"]
    ),
]
To = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)",
        description="Local time, the first moment after; before `from` it is on the day after.",
        examples=["08:00"],
    ),
]


class PeriodFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When a price holds; ``days`` are those on which the period begins. No two periods overlap.

    Time outside all periods has no price: what is used then has an unknown cost.
    """

    days: list[Weekday]
    from_: From = msgspec.field(name="from")
    to: To
    price_per_kwh: float
    co2_g_per_kwh: float | None = None


class TariffFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A tariff to be set: valid in ``[valid_from, valid_until)``, null is for good."""

    name: str | UnsetType = UNSET
    currency: Annotated[str, msgspec.Meta(description="ISO 4217.", examples=["EUR"])]
    timezone: Annotated[str, msgspec.Meta(examples=["Europe/Lisbon"])]
    valid_from: Moment
    valid_until: Moment | None = None
    periods: Annotated[list[PeriodFields], msgspec.Meta(description=f"1 to {MAX_PERIODS}.")]


class TariffAnswer(msgspec.Struct, kw_only=True):
    """A tariff."""

    name: str
    currency: str
    timezone: str
    valid_from: Instant
    valid_until: Instant | None
    periods: list[PeriodFields]


def _answer(tariff: Tariff) -> TariffAnswer:
    return TariffAnswer(
        name=tariff.name,
        currency=tariff.currency,
        timezone=tariff.timezone,
        valid_from=Instant.of(tariff.valid_from),
        valid_until=None if tariff.valid_until is None else Instant.of(tariff.valid_until),
        periods=[
            PeriodFields(
                days=[day for day in Weekday if day in period.days],
                from_=written_clock(period.from_minute),
                to=written_clock(period.to_minute),
                price_per_kwh=period.rate.price_per_kwh,
                co2_g_per_kwh=period.rate.co2_g_per_kwh,
            )
            for period in tariff.periods
        ],
    )


def _moment(written: str | float, timezone: str) -> datetime:
    if isinstance(written, str) and _DATE.fullmatch(written):
        try:
            return start_of_day(date.fromisoformat(written), timezone)
        except (ValueError, OverflowError) as error:
            raise ValueError("invalid_timestamp: there is no such day") from error
    return parse_time(written)


def _tariff(name: str, data: TariffFields) -> Tariff:
    problems: list[Problem] = []
    if data.name not in {UNSET, name}:
        problems.append(Problem("/name", "immutable", "a name cannot be changed; set a new tariff"))
    times: dict[str, datetime] = {}
    for field, written in (("valid_from", data.valid_from), ("valid_until", data.valid_until)):
        try:
            if written is not None:
                times[field] = _moment(written, data.timezone)
        except ValueError as error:
            problems.append(described(str(error), f"/{field}"))
    if problems:
        raise InvalidError(problems[0].code, "the tariff cannot be set so", problems)
    return Tariff(
        name=TariffName(name),
        currency=data.currency,
        timezone=data.timezone,
        valid_from=times["valid_from"],
        valid_until=times.get("valid_until"),
        periods=tuple(
            TariffPeriod(
                days=frozenset(period.days),
                from_minute=parse_clock(period.from_),
                to_minute=parse_clock(period.to),
                rate=Rate(period.price_per_kwh, period.co2_g_per_kwh),
            )
            for period in data.periods
        ),
    )


class TariffsController(Controller):
    """Time-of-use prices and CO2 factors."""

    path = "/tariffs"
    tags = ("Tariffs",)
    guards = (requires(Role.VIEWER),)

    @get("/", summary="List tariffs")
    @inject
    async def list_tariffs(
        self, tariffs: FromDishka[Tariffs], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[TariffAnswer]:
        """Return tariffs by name."""
        found, total = await tariffs.list(limit, offset)
        return Page(items=[_answer(tariff) for tariff in found], total=total, limit=limit, offset=offset)

    @get("/{name:str}", summary="Get a tariff")
    @inject
    async def get_tariff(self, name: FromPath[str], tariffs: FromDishka[Tariffs]) -> TariffAnswer:
        """Return the tariff."""
        return _answer(await tariffs.get(TariffName(name)))

    @put(
        "/{name:str}",
        summary="Set a tariff",
        guards=(requires(Role.ADMIN),),
        responses={
            HTTPStatus.CREATED.value: ResponseSpec(
                TariffAnswer, description="There was none of this name", generate_examples=False
            )
        },
    )
    @inject
    async def set_tariff(
        self,
        name: FromPath[str],
        data: JSONBody[TariffFields],
        tariffs: FromDishka[Tariffs],
        principal: FromDishka[Principal],
    ) -> Response[TariffAnswer]:
        """Set the tariff as a whole, in place of one of this name (201 where there was none).

        Prices follow the clock on the wall: an hour that is repeated has its price both times. Exported
        energy earns the same price, and a price may be negative.
        """
        tariff = _tariff(name, data)
        created = await tariffs.put(tariff, principal.actor)
        status = HTTPStatus.CREATED if created else HTTPStatus.OK
        return NegotiatedResponse(_answer(tariff), status_code=status)

    @delete("/{name:str}", summary="Delete a tariff", guards=(requires(Role.ADMIN),))
    @inject
    async def delete_tariff(
        self, name: FromPath[str], tariffs: FromDishka[Tariffs], principal: FromDishka[Principal]
    ) -> None:
        """Delete the tariff."""
        await tariffs.delete(TariffName(name), principal.actor)
