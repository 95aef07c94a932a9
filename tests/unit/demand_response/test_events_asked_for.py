from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.demand_response.dr_events import DrEventStatus, EventTerms, Signal, SignalType
from domain.demand_response.events import EventStatusChanged
from domain.demand_response.model import DeviceId, DrEventId, ProgramId, RoomName, Targets
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from tests.unit.demand_response.site import HOUR, ME, SECOND, SIMPLE, START, Site, reduction

GOOD = EventTerms(event_name="e", signal=reduction(1.0), start=START + HOUR, duration=HOUR)


@pytest.mark.parametrize(
    ("terms", "code", "pointer"),
    [
        (replace(GOOD, event_name=" "), "required", "/event_name"),
        (replace(GOOD, event_name="a\n"), "invalid_value", "/event_name"),
        (replace(GOOD, signal=reduction(-1.0)), "invalid_value", "/signal/value"),
        (replace(GOOD, signal=reduction(0.0)), "invalid_value", "/signal/value"),
        (replace(GOOD, signal=reduction(float("nan"))), "invalid_value", "/signal/value"),
        (replace(GOOD, signal=Signal(SignalType.SIMPLE, 4)), "invalid_value", "/signal/value"),
        (replace(GOOD, signal=Signal(SignalType.SIMPLE, 0.5)), "invalid_value", "/signal/value"),
        (
            replace(GOOD, signal=Signal(SignalType.IMPORT_CAPACITY_LIMIT, -1.0)),
            "invalid_value",
            "/signal/value",
        ),
        (replace(GOOD, signal=Signal(SignalType.LOAD_REDUCTION, 1.0, "W")), "unit_mismatch", "/signal/unit"),
        *(
            (replace(GOOD, signal=Signal(SignalType.PRICE, 0.5, unit)), "unit_mismatch", "/signal/unit")
            for unit in ("kW", "kWh", "EUR", "kW/kWh", "EUR/kW", "EUR/h", "eur/kwh", "EUR/kWh\n", "")
        ),
        (replace(GOOD, signal=Signal(SignalType.SIMPLE, 1.0, "kW")), "unit_mismatch", "/signal/unit"),
        (replace(GOOD, signal=Signal(SignalType.SIMPLE, 1.0, "kWh")), "unit_mismatch", "/signal/unit"),
        (replace(GOOD, start=GOOD.start.replace(tzinfo=None)), "naive_timestamp", "/start"),
        (replace(GOOD, duration=-HOUR), "end_before_start", "/duration"),
        (replace(GOOD, duration=timedelta()), "end_before_start", "/duration"),
        (replace(GOOD, duration=timedelta(days=2)), "too_long", "/duration"),
        (replace(GOOD, notification_period=-HOUR), "invalid_value", "/notification_period"),
        (replace(GOOD, ramp_up_period=-HOUR), "invalid_value", "/ramp_up_period"),
        (replace(GOOD, recovery_period=-HOUR), "invalid_value", "/recovery_period"),
        (replace(GOOD, randomize_start=-HOUR), "invalid_value", "/randomize_start"),
        (replace(GOOD, priority=-1), "invalid_value", "/priority"),
        (replace(GOOD, targets=Targets(device_ids=())), "invalid_value", "/targets/device_ids"),
        (replace(GOOD, start=START - HOUR - SECOND, duration=2 * HOUR), "began_too_long_ago", "/start"),
        (
            replace(GOOD, targets=Targets(device_ids=(DeviceId("d0"), DeviceId("x")))),
            "unknown_device",
            "/targets/device_ids/1",
        ),
        (replace(GOOD, targets=Targets(room_names=(RoomName("x"),))), "no_matching_devices", "/targets"),
        (replace(GOOD, targets=Targets(labels=(("a", "b"),))), "no_matching_devices", "/targets"),
        (
            replace(GOOD, targets=Targets(labels=tuple((f"a{one}", "b") for one in range(51)))),
            "too_long",
            "/targets/labels",
        ),
        (
            replace(GOOD, signal=Signal(SignalType.IMPORT_CAPACITY_LIMIT, 5.0, "kW")),
            "no_site_meter",
            "/targets",
        ),
        (replace(GOOD, program_id=ProgramId(UUID(int=7))), "unknown_program", "/program_id"),
    ],
)
async def test_what_cannot_be_asked_for(terms: EventTerms, code: str, pointer: str) -> None:
    site = Site()
    await site.devices(1)
    with pytest.raises(InvalidError) as refused:
        await site.main.events.create(terms, ME)
    assert (refused.value.code, refused.value.problems[0].pointer) == (code, pointer)
    assert await site.main.events.list(EventFilter(), 10, 0) == ([], 0)
    assert not [one for one in site.database.events if isinstance(one, EventStatusChanged)]


@pytest.mark.parametrize("unit", [None, "EUR/kWh", "EUR/MWh", "USD/Wh", "€/kWh", "ct/kWh"])
async def test_a_price_is_a_currency_per_energy(unit: str | None) -> None:
    site = Site()
    await site.devices(1)
    view = await site.main.events.create(replace(GOOD, signal=Signal(SignalType.PRICE, -0.5, unit)), ME)
    assert view.event.terms.signal.unit == unit


async def test_all_faults_are_told_at_once() -> None:
    site = Site()
    terms = replace(GOOD, event_name="", duration=-HOUR, signal=reduction(-2.0))
    with pytest.raises(InvalidError) as refused:
        await site.main.events.create(terms, ME)
    assert {one.pointer for one in refused.value.problems} == {"/event_name", "/duration", "/signal/value"}


async def test_a_draft_waits_until_it_is_published() -> None:
    site = Site()
    await site.devices(1)
    draft = await site.main.events.create(GOOD, ME, draft=True)
    event_id = draft.event.event_id
    assert (draft.event.status, draft.invitations) == (DrEventStatus.DRAFT, [])
    site.clock.advance(HOUR / 2)
    await site.main.step(everything=True)
    assert (await site.view(event_id)).event == draft.event
    published = await site.main.events.publish(event_id, ME)
    assert (published.event.status, len(published.invitations)) == (DrEventStatus.FAR, 1)
    assert [one.status for one in published.event.history] == [DrEventStatus.DRAFT, DrEventStatus.FAR]
    with pytest.raises(ConflictError) as again:
        await site.main.events.publish(event_id, ME)
    assert again.value.code == "already_published"
    other = await site.main.events.create(replace(GOOD, duration=4 * HOUR), ME, draft=True)
    site.clock.advance(2 * HOUR)
    with pytest.raises(ConflictError) as late:
        await site.main.events.publish(other.event.event_id, ME)
    assert late.value.code == "began_too_long_ago"
    cancelled = await site.main.events.cancel(other.event.event_id, ME)
    assert cancelled.event.status is DrEventStatus.CANCELLED


async def test_an_event_that_began_lately_begins_late_or_is_missed() -> None:
    site = Site()
    await site.devices(1)
    late = await site.main.events.create(replace(GOOD, start=START - HOUR / 2), ME)
    assert (late.event.status, len(late.invitations)) == (DrEventStatus.ACTIVE, 1)
    too_late = await site.main.events.create(replace(GOOD, start=START - HOUR / 2 - SECOND), ME)
    assert (too_late.event.status, too_late.invitations) == (DrEventStatus.COMPLETED, [])
    assert too_late.event.missed is not None
    assert too_late.event.missed.code == "too_late"


async def test_what_is_not_there() -> None:
    site = Site()
    nothing = DrEventId(UUID(int=9))
    for call in (
        site.main.events.get(nothing),
        site.main.events.publish(nothing, ME),
        site.main.events.cancel(nothing, ME),
        site.main.measure.report(nothing),
        site.main.measure.versions(nothing),
    ):
        with pytest.raises(NotFoundError) as refused:
            await call
        assert refused.value.code == "unknown_event"


async def test_every_step_is_told_with_who_took_it() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(SIMPLE, after=HOUR)
    await site.main.events.cancel(event_id, ME, "no need")
    told = [one for one in site.database.audit if isinstance(one, EventStatusChanged)]
    assert [(one.previous, one.status, one.actor, one.reason) for one in told] == [
        (None, DrEventStatus.FAR, ME, None),
        (DrEventStatus.FAR, DrEventStatus.CANCELLED, ME, "no need"),
    ]
    assert {one.subject for one in told} == {str(event_id)}


async def test_whom_limits_hold_back_is_not_invited_and_the_event_says_so() -> None:
    site = Site()
    await site.devices(1)
    await site.device("off", controllable=False)
    await site.device("closed", availability=())
    event_id = await site.event(SIMPLE)
    view = await site.view(event_id)
    assert [one.device_id for one in view.invitations] == ["d0"]
    assert {one.device_id: one.code for one in view.event.left_out} == {
        "off": "not_controllable",
        "closed": "outside_availability",
    }
