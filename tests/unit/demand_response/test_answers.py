from dataclasses import replace
from datetime import timedelta

import pytest

from domain.demand_response.auto_response import AutoResponse, Decision
from domain.demand_response.dr_events import DrEventStatus, Signal, SignalType
from domain.demand_response.invitations import Answer
from domain.demand_response.model import DeviceId, InvitationId, WeekWindow
from domain.shared.errors import ConflictError, DomainError, InvalidError, NotFoundError
from domain.shared.weeks import Weekday
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SIMPLE, Site, reduction

YES = AutoResponse(enabled=True)


async def rule(site: Site, said: AutoResponse) -> None:
    await site.main.auto_responses.put(said, ME)


async def test_a_rule_answers_and_says_so() -> None:
    site = Site()
    await site.devices(1)
    await rule(site, replace(YES, min_notice=A_MINUTE))
    event_id = await site.event(reduction(2.0), after=30 * A_MINUTE)
    assert await site.main.answers() == 1
    assert await site.main.answers() == 0
    (invitation,) = (await site.invitations(event_id)).values()
    assert (invitation.status.value, invitation.answered_by, invitation.rule) == ("opt_in", "rule", "default")
    assert invitation.committed_kw == 2.5
    assert invitation.reason == (
        "notice of 0:30:00 is at least 0:01:00; the room is not known not to be comfortable"
    )


async def test_peoples_answers_win() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event()
    await site.answer(event_id, "d0", opt_in=False)
    await rule(site, YES)
    await site.main.answers()
    answers = {
        one: (two.status.value, two.answered_by) for one, two in (await site.invitations(event_id)).items()
    }
    assert answers == {"d0": ("opt_out", "person"), "d1": ("opt_in", "rule")}
    await site.answer(event_id, "d1", opt_in=False)
    await site.main.answers()
    invitation = (await site.invitations(event_id))["d1"]
    assert (invitation.status.value, invitation.answered_by, invitation.rule) == ("opt_out", "person", None)


async def test_a_rule_of_a_device_goes_before_that_of_all() -> None:
    site = Site()
    await site.devices(3)
    await rule(site, YES)
    await rule(site, AutoResponse(device_id=DeviceId("d0"), enabled=True, decision=Decision.OPT_OUT))
    await rule(site, AutoResponse(device_id=DeviceId("d1"), enabled=False))
    event_id = await site.event()
    await site.main.answers()
    answers = {one: (two.status.value, two.rule) for one, two in (await site.invitations(event_id)).items()}
    assert answers == {
        "d0": ("opt_out", "device:d0"),
        "d1": ("invited", None),
        "d2": ("opt_in", "default"),
    }
    assert (await site.main.auto_responses.get(DeviceId("d2"))).rule == "default"
    await site.main.auto_responses.forget(DeviceId("d0"), ME)
    assert (await site.main.auto_responses.get(DeviceId("d0"))).rule == "default"


MORNING = WeekWindow(frozenset(Weekday), 8 * 60, 12 * 60)
EVENING = WeekWindow(frozenset(Weekday), 13 * 60, 14 * 60)


@pytest.mark.parametrize(
    ("said", "signal", "answers"),
    [
        (YES, SIMPLE, True),
        (replace(YES, enabled=False), SIMPLE, False),
        (replace(YES, min_notice=HOUR), SIMPLE, True),
        (replace(YES, min_notice=HOUR + A_MINUTE), SIMPLE, False),
        (replace(YES, max_duration=HOUR), SIMPLE, True),
        (replace(YES, max_duration=HOUR - A_MINUTE), SIMPLE, False),
        (replace(YES, max_events_per_day=0), SIMPLE, False),
        (replace(YES, max_events_per_day=1), SIMPLE, True),
        (replace(YES, min_price=0.3), SIMPLE, True),
        (replace(YES, min_price=0.3), Signal(SignalType.PRICE, 0.3, "EUR/kWh"), True),
        (replace(YES, min_price=0.3), Signal(SignalType.PRICE, 0.29, "EUR/kWh"), False),
        # The event is from 13:00 to 14:00 in Lisbon.
        (replace(YES, hours=(MORNING,)), SIMPLE, False),
        (replace(YES, hours=(MORNING, EVENING)), SIMPLE, True),
        (replace(YES, hours=()), SIMPLE, False),
    ],
)
async def test_what_a_rule_asks_for(said: AutoResponse, signal: Signal, *, answers: bool) -> None:
    site = Site()
    await site.devices(1)
    await rule(site, said)
    await site.event(signal)
    assert await site.main.answers() == answers


@pytest.mark.parametrize(
    ("keep", "comfortable", "answers"), [(True, False, 0), (True, None, 1), (False, False, 1)]
)
async def test_a_rule_keeps_the_room_comfortable(
    *, keep: bool, comfortable: bool | None, answers: int
) -> None:
    site = Site()
    await site.device("d0", room_name="r")
    site.rooms.is_comfortable("r", comfortable)
    await rule(site, replace(YES, keep_comfort=keep))
    await site.event()
    assert await site.main.answers() == answers


async def test_a_rule_counts_the_events_of_the_day() -> None:
    site = Site()
    await site.devices(1)
    await rule(site, replace(YES, max_events_per_day=2))
    for hours, answered in ((1, 1), (3, 1), (5, 0), (24, 1)):
        await site.event(after=hours * HOUR)
        assert await site.main.answers() == answered


async def test_the_scheduler_lets_rules_answer_before_invitations_expire() -> None:
    site = Site()
    await site.devices(1)
    await rule(site, YES)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.main.step()
    assert await site.told(event_id) == [("d0", "reduce", "delivered")]
    late = await site.event(after=HOUR, notification_period=timedelta())
    await site.run(HOUR)
    assert (await site.invitations(late))["d0"].status.value == "opt_in"


async def test_invitations_expire_when_the_event_is_near() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(after=HOUR, ramp_up_period=30 * A_MINUTE)
    await site.answer(event_id, "d0")
    await site.run(29 * A_MINUTE)
    assert (await site.invitations(event_id))["d1"].status.value == "invited"
    site.clock.advance(A_MINUTE)
    with pytest.raises(ConflictError) as refused:
        await site.answer(event_id, "d1")
    assert refused.value.code == "invitation_expired"
    await site.main.step()
    assert {one: two.status.value for one, two in (await site.invitations(event_id)).items()} == {
        "d0": "opt_in",
        "d1": "expired",
    }
    await site.answer(event_id, "d0", opt_in=False)


async def test_who_is_invited_late_may_answer_until_the_end() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.run(50 * A_MINUTE)
    assert (await site.invitations(event_id))["d0"].status.value == "invited"
    await site.answer(event_id, "d0")
    await site.main.step()
    assert await site.told(event_id) == [("d0", "reduce", "delivered")]
    await site.run(10 * A_MINUTE)
    assert (await site.view(event_id)).event.status is DrEventStatus.COMPLETED


async def test_invitations_wait_for_the_notification_period() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event(after=2 * HOUR, notification_period=HOUR)
    await site.run(59 * A_MINUTE)
    assert await site.invitations(event_id) == {}
    await site.run(A_MINUTE)
    assert len(await site.invitations(event_id)) == 1


async def test_a_persons_word_is_a_bound() -> None:
    site = Site()
    await site.devices(2)
    event_id = await site.event(reduction(4.0), after=timedelta())
    await site.answer(event_id, "d0", kw=1.0)
    await site.answer(event_id, "d1", kw=9.0)
    await site.main.step()
    assert site.control.reduced == {DeviceId("d0"): 1.0, DeviceId("d1"): 2.5}


async def test_answers_that_cannot_be_given() -> None:
    site = Site()
    await site.devices(1)
    event_id = await site.event()
    for kw in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidError) as refused:
            await site.answer(event_id, "d0", kw=kw)
        assert refused.value.problems[0].pointer == "/committed_kw"
    with pytest.raises(NotFoundError):
        await site.main.invitations.answer(InvitationId(event_id), Answer(opt_in=True), ME)
    await site.main.events.cancel(event_id, ME)
    with pytest.raises(ConflictError) as over:
        await site.answer(event_id, "d0")
    assert over.value.code == "event_cancelled"


async def test_rules_that_cannot_be_set() -> None:
    site = Site()
    for said, pointer in (
        (replace(YES, min_notice=-HOUR), "/min_notice"),
        (replace(YES, max_duration=timedelta()), "/max_duration"),
        (replace(YES, max_events_per_day=-1), "/max_events_per_day"),
        (replace(YES, min_price=float("inf")), "/min_price"),
        (replace(YES, hours=(WeekWindow(frozenset(), 0, 60),)), "/hours/0/days"),
        (replace(YES, hours=(WeekWindow(frozenset(Weekday), 0, 1441),)), "/hours/0/to"),
        (replace(YES, hours=(WeekWindow(frozenset(Weekday), 1440, 60),)), "/hours/0/from"),
    ):
        with pytest.raises(InvalidError) as refused:
            await rule(site, said)
        assert [one.pointer for one in refused.value.problems] == [pointer]
    nobody = DeviceId("nobody")
    for call in (
        rule(site, AutoResponse(device_id=nobody)),
        site.main.auto_responses.get(nobody),
        site.main.auto_responses.forget(nobody, ME),
    ):
        with pytest.raises(DomainError) as unknown:
            await call
        assert unknown.value.code == "unknown_device"
    assert await site.main.auto_responses.get(None) == AutoResponse()
