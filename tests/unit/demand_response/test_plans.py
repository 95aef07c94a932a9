"""Choosing devices, judging whether they follow, and what they are told, as pure functions."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.demand_response.assignments import Assignment, Following
from domain.demand_response.commands import Command, CommandKind, CommandReason
from domain.demand_response.conditions import MeterReading
from domain.demand_response.devices import (
    Control,
    ControlBody,
    ControlKind,
    ControlRequest,
    Device,
    DeviceTerms,
    ProfileOrigin,
)
from domain.demand_response.dispatching import (
    LITTLE,
    Offer,
    counted_kw,
    first_check,
    judge,
    meet_target,
    plan_reduction,
    staggered,
    take_all,
)
from domain.demand_response.limits import Situation
from domain.demand_response.model import (
    NO_TIME,
    AssignmentId,
    CommandId,
    DeviceId,
    DrEventId,
    SensorId,
)
from domain.demand_response.orders import order_of
from domain.shared.quantities import Quality
from tests.unit.demand_response.site import A_MINUTE, SECOND, START

EVENT = DrEventId(UUID(int=1))


def offer(name: str, kw: float | None, priority: int | None = None) -> Offer:
    terms = DeviceTerms(
        device_id=DeviceId(name), power_sensor_id=SensorId(name), priority=priority, control=Control()
    )
    device = Device(
        terms=terms,
        origin=ProfileOrigin.API,
        control_origin=ProfileOrigin.API,
        created_at=START,
        updated_at=START,
    )
    return Offer(Situation(device=device), kw)


def serving(asked: float | None = 2.0, before: float | None = 3.0, **more: object) -> Assignment:
    one = Assignment(
        assignment_id=AssignmentId(UUID(int=2)),
        event_id=EVENT,
        device_id=DeviceId("d"),
        began_at=START,
        asked_kw=asked,
        power_before_kw=before,
    )
    return replace(one, **more)  # type: ignore[arg-type]  # fields by name


def test_devices_come_by_priority_and_the_last_one_gives_the_rest() -> None:
    offers = [offer("c", 2.0), offer("b", 2.0, 5), offer("a", 2.0, 5), offer("z", 2.0, 0)]
    plan = meet_target(5.0, offers)
    assert [(one.offer.device_id, one.asked_kw) for one in plan.chosen] == [
        ("z", 2.0),
        ("a", 2.0),
        ("b", 1.0),
    ]
    assert [one.code for one in plan.left_out] == ["not_needed"]
    assert plan.shortfall_kw == 0.0
    assert [one.offer.device_id for one in take_all(offers).chosen] == ["z", "a", "b", "c"]


kws = st.lists(st.floats(0.01, 50), max_size=8)


@given(target=st.floats(0.1, 100), kws=kws)
def test_a_plan_meets_its_target_with_as_few_as_it_can(target: float, kws: list[float]) -> None:
    offers = [offer(str(number), kw, number) for number, kw in enumerate(kws)]
    plan = meet_target(target, offers)
    asked = [one.asked_kw or 0.0 for one in plan.chosen]
    assert plan.total_kw + plan.shortfall_kw == pytest.approx(target, abs=2 * LITTLE)
    assert plan.total_kw <= target + 1e-9
    assert all(0 < one <= kw + 1e-9 for one, kw in zip(asked, kws, strict=False))
    assert all(one == kw for one, kw in zip(asked[:-1], kws, strict=False))
    assert len(plan.chosen) + len(plan.left_out) == len(kws)
    if plan.shortfall_kw:
        assert not plan.left_out


def test_those_that_serve_count_for_what_they_do() -> None:
    assert counted_kw(serving()) == 2.0
    assert counted_kw(serving(following=Following.NO, shed_kw=0.5)) == 0.5
    assert counted_kw(serving(following=Following.NO, shed_kw=-1.0)) == 0.0
    assert counted_kw(serving(following=Following.NO)) == 0.0
    plan = plan_reduction(3.0, [serving(following=Following.NO, shed_kw=0.5)], [offer("a", 9.0)])
    assert [one.asked_kw for one in plan.chosen] == [2.5]


def reading(after: timedelta | None, kw: float = 1.0) -> MeterReading:
    return MeterReading(
        time=None if after is None else START + after,
        power_kw=None if after is None else kw,
        quality=Quality.OK,
        span=NO_TIME,
        interval=A_MINUTE,
        max_gap=3 * A_MINUTE,
    )


@pytest.mark.parametrize(
    ("kw", "following"),
    [(1.0, Following.YES), (2.0, Following.YES), (2.01, Following.NO), (4.0, Following.NO)],
)
def test_half_of_what_was_asked_is_to_be_seen(kw: float, following: Following) -> None:
    now = START + 2 * A_MINUTE
    found = judge(serving(), START, NO_TIME, reading(A_MINUTE, kw), now)
    assert (found.following, found.shed_kw) == (following, 3.0 - kw)
    assert found.check_at == now + 2 * A_MINUTE


def test_only_what_was_measured_since_it_had_time_counts() -> None:
    ramp = 5 * A_MINUTE
    assert first_check(START, ramp, reading(None)) == START + 7 * A_MINUTE
    assert first_check(START, ramp, None) is None
    early = judge(serving(), START, ramp, reading(ramp - SECOND, 3.0), START + 7 * A_MINUTE)
    assert (early.following, early.check_at) == (Following.UNKNOWN, START + 8 * A_MINUTE)
    for last in (reading(None), reading(ramp - SECOND, 3.0)):
        silent = judge(serving(), START, ramp, last, START + 10 * A_MINUTE)
        assert (silent.following, silent.shed_kw) == (Following.NO, None)
    assert judge(serving(), START, ramp, reading(ramp, 1.0), START + 10 * A_MINUTE).following is Following.YES


def test_what_cannot_be_judged_is_not() -> None:
    for assignment, last in (
        (serving(asked=None), reading(A_MINUTE)),
        (serving(before=None), reading(A_MINUTE)),
        (serving(), None),
    ):
        found = judge(assignment, START, NO_TIME, last, START + 9 * A_MINUTE)
        assert (found.following, found.check_at) == (Following.UNKNOWN, None)


@given(number=st.integers(0, 50), window=st.integers(0, 3600))
def test_devices_come_back_evenly_in_an_order_of_their_own(number: int, window: int) -> None:
    ids = [DeviceId(str(one)) for one in range(number)]
    back = staggered(EVENT, ids, START, window * SECOND)
    assert back == staggered(EVENT, reversed(ids), START, window * SECOND)
    assert set(back) == set(ids)
    assert sorted(back.values()) == [START + window * SECOND * place / number for place in range(number)]


def command(kind: CommandKind = CommandKind.REDUCE, kw: float | None = 1.23456) -> Command:
    return Command(
        command_id=CommandId(UUID(int=3)),
        assignment_id=AssignmentId(UUID(int=2)),
        event_id=EVENT,
        device_id=DeviceId("d"),
        kind=kind,
        reason=CommandReason.DISPATCH,
        noted_at=START,
        due_at=START,
        reduction_kw=kw,
        target_kw=0.5,
    )


def controlled(content_type: str, text: str) -> Device:
    request = ControlRequest(method="POST", url="http://127.0.0.1/", body=ControlBody(content_type, text))
    control = Control(kind=ControlKind.HTTP, reduce=request, restore=replace(request, method="PUT"))
    device = offer("d", 1.0).situation.device
    return replace(device, terms=replace(device.terms, control=control))


def sent(device: Device, asked: Command) -> str:
    order = order_of(asked, device)
    assert order is not None
    assert order.request.body is not None
    return order.request.body.text


def test_words_are_filled_in_as_numbers_where_they_stand_alone() -> None:
    document = '{"kw": "{reduction_kw}", "note": "shed {reduction_kw} to {target_kw} for {event_id}"}'
    device = controlled("application/json", document)
    assert json.loads(sent(device, command())) == {
        "kw": 1.235,
        "note": f"shed 1.235 to 0.5 for {EVENT}",
    }
    assert json.loads(sent(device, command(kw=None)))["kw"] is None
    text = controlled("text/plain", 'kw="{reduction_kw}";{other}')
    assert sent(text, command()) == 'kw="1.235";{other}'
    assert sent(text, command(kw=None)) == 'kw="";{other}'
    restore = order_of(command(CommandKind.RESTORE), device)
    assert restore is not None
    assert restore.request.method == "PUT"
    assert order_of(command(), offer("d", 1.0).situation.device) is None
