from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.demand_response.dr_events import (
    DrEvent,
    DrEventStatus,
    EventOrigin,
    EventTerms,
    Signal,
    SignalType,
)
from domain.demand_response.lifecycle import (
    advance,
    answer_until,
    cancel,
    check_start,
    invite_at,
    missed,
    next_step,
    publish,
)
from domain.demand_response.model import NO_TIME, DrEventId
from domain.shared.errors import ConflictError, InvalidError
from domain.shared.events import SYSTEM, Actor

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
ME = Actor("key:1")
DRAFT, FAR, NEAR, ACTIVE, COMPLETED, CANCELLED = DrEventStatus
ORDER = {DRAFT: 0, FAR: 1, NEAR: 2, ACTIVE: 3, COMPLETED: 4, CANCELLED: 4}


def draft(
    duration: timedelta = HOUR, ramp_up: timedelta = NO_TIME, notice: timedelta | None = None
) -> DrEvent:
    terms = EventTerms(
        event_name="e",
        signal=Signal(SignalType.SIMPLE, 1),
        start=START,
        duration=duration,
        ramp_up_period=ramp_up,
        notification_period=notice,
    )
    return DrEvent(
        event_id=DrEventId(UUID(int=1)),
        terms=terms,
        status=DRAFT,
        origin=EventOrigin.API,
        created_at=START - 24 * HOUR,
        created_by=ME,
    )


def published(before: timedelta = 5 * HOUR, ramp_up: timedelta = NO_TIME) -> DrEvent:
    return publish(draft(ramp_up=ramp_up), START - before, ME)


def test_an_event_goes_by_the_second() -> None:
    event = published(ramp_up=HOUR / 2)
    assert event.status is FAR
    assert next_step(replace(event, invited_at=START)) == START - HOUR / 2
    assert advance(event, START - HOUR / 2 - SECOND) is event
    near = advance(event, START - HOUR / 2)
    assert (near.status, next_step(replace(near, invited_at=START))) == (NEAR, START)
    assert advance(near, START - SECOND) is near
    active = advance(near, START)
    assert (active.status, next_step(replace(active, invited_at=START))) == (ACTIVE, START + HOUR)
    assert advance(active, START + HOUR - SECOND) is active
    over = advance(active, START + HOUR)
    assert (over.status, next_step(over), over.missed) == (COMPLETED, None, None)
    assert [(one.status, one.by) for one in over.history] == [
        (FAR, ME),
        (NEAR, SYSTEM),
        (ACTIVE, SYSTEM),
        (COMPLETED, SYSTEM),
    ]


def test_without_a_ramp_up_it_is_never_near() -> None:
    event = published()
    assert advance(event, START - SECOND) is event
    assert advance(event, START).status is ACTIVE


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (START - HOUR, FAR),
        (START - HOUR / 2, NEAR),
        (START, ACTIVE),
        (START + HOUR / 2, ACTIVE),
        (START + HOUR / 2 + SECOND, COMPLETED),
        (START + HOUR, COMPLETED),
    ],
)
def test_publishing_takes_an_event_to_where_it_is_by_then(at: datetime, status: DrEventStatus) -> None:
    event = publish(draft(ramp_up=HOUR / 2), at, ME, "asked")
    assert (event.status, event.published_at) == (status, at)
    assert event.history[-1].by == ME


def test_what_has_ended_is_recorded_and_not_missed() -> None:
    event = publish(draft(), START + HOUR, ME)
    assert (event.status, event.dispatched, event.missed) == (COMPLETED, False, None)


def test_what_began_long_ago_and_goes_on_is_refused() -> None:
    long = draft(duration=10 * HOUR)
    assert publish(long, START + HOUR, ME).status is ACTIVE
    with pytest.raises(ConflictError) as refused:
        publish(long, START + HOUR + SECOND, ME)
    assert refused.value.code == "began_too_long_ago"
    check_start(START, START + 10 * HOUR, START + HOUR)
    check_start(START, START + HOUR, START + HOUR + SECOND)
    with pytest.raises(InvalidError) as invalid:
        check_start(START, START + 10 * HOUR, START + HOUR + SECOND)
    assert [one.pointer for one in invalid.value.problems] == ["/start"]


def test_a_late_start_needs_half_of_the_time() -> None:
    event = published()
    late = advance(event, START + HOUR / 2)
    assert (late.status, late.history[-1].reason) == (ACTIVE, "it starts 0:30:00 late")
    for at in (START + HOUR / 2 + SECOND, START + HOUR, START + 9 * HOUR):
        gone = advance(event, at)
        assert (gone.status, gone.dispatched) == (COMPLETED, False)
        assert gone.missed is not None
        assert gone.missed.code == "too_late"
        assert "less than half" in gone.missed.detail


def test_what_was_dispatched_during_the_ramp_up_is_never_missed() -> None:
    event = replace(advance(published(ramp_up=HOUR), START - HOUR), dispatched=True)
    assert advance(event, START + HOUR - SECOND).status is ACTIVE
    assert advance(event, START + HOUR).missed is None
    assert missed(event, "any", "reason") is event


def test_invitations_go_out_at_once_or_before_the_start() -> None:
    at = START - 5 * HOUR
    assert invite_at(draft()) is None
    assert invite_at(published()) == at
    told = publish(draft(notice=2 * HOUR), at, ME)
    assert invite_at(told) == next_step(told) == START - 2 * HOUR
    assert invite_at(replace(told, invited_at=at)) is None
    assert invite_at(cancel(told, at, ME)) is None


def test_invitations_expire_as_the_event_gets_near_or_at_its_end() -> None:
    event = published(ramp_up=HOUR)
    assert answer_until(event, START - 2 * HOUR) == START - HOUR
    assert answer_until(event, START - HOUR) == START + HOUR
    assert answer_until(published(), START - SECOND) == START
    assert answer_until(published(), START) == START + HOUR


def test_moves_that_are_not_legal_say_why() -> None:
    far = published()
    for move, event, code in (
        (publish, far, "already_published"),
        (publish, advance(far, START), "already_published"),
        (publish, cancel(draft(), START, ME), "event_cancelled"),
        (cancel, cancel(far, START, ME), "event_cancelled"),
        (cancel, advance(far, START + HOUR), "event_completed"),
        (publish, advance(far, START + HOUR), "event_completed"),
    ):
        with pytest.raises(ConflictError) as refused:
            move(event, START, ME)
        assert refused.value.code == code


@given(
    data=st.data(),
    minutes=st.integers(1, 180),
    ramp_up=st.integers(0, 60),
    notice=st.none() | st.integers(0, 120),
)
def test_any_sequence_of_commands_and_clock_jumps_keeps_the_rules(
    data: st.DataObject, minutes: int, ramp_up: int, notice: int | None
) -> None:
    a_minute = timedelta(minutes=1)
    event = draft(minutes * a_minute, ramp_up * a_minute, None if notice is None else notice * a_minute)
    steps = st.tuples(
        st.sampled_from(["publish", "cancel", "advance", "invite", "dispatch"]), st.integers(-300, 300)
    )
    codes: set[str] = set()
    for command, at in data.draw(st.lists(steps, max_size=12)):
        now = START + at * a_minute
        before = event
        try:
            if command == "publish":
                event = publish(event, now, ME)
                assert before.status is DRAFT
            elif command == "cancel":
                event = cancel(event, now, ME)
                assert not before.status.is_over
            elif command == "advance":
                event = settle(event, now)
            elif command == "invite" and event.status.is_open:
                event = replace(event, invited_at=event.invited_at or now)
            elif command == "dispatch" and event.status.is_dispatching:
                event = replace(event, dispatched=True)
        except ConflictError as refused:
            codes.add(refused.code)
            assert event is before
        keeps_the_rules(before, event)
    assert codes <= {"already_published", "event_completed", "event_cancelled", "began_too_long_ago"}


def settle(event: DrEvent, now: datetime) -> DrEvent:
    """Take all steps that are due, as the scheduler does."""
    for _ in range(5):
        due = invite_at(event)
        if due is not None and due <= now:
            event = replace(event, invited_at=now)
        event = advance(event, now)
    after = next_step(event)
    assert after is None or after > now, "the scheduler would never rest"
    assert advance(event, now) is event
    return event


def keeps_the_rules(before: DrEvent, event: DrEvent) -> None:
    assert ORDER[event.status] >= ORDER[before.status]
    if before.status.is_over:
        assert event == before
    assert event.history[: len(before.history)] == before.history
    assert (event.status is DRAFT) == (not event.history)
    assert all(ORDER[one.status] < ORDER[other.status] for one, other in pairwise(event.history))
    assert not event.history or event.history[-1].status is event.status
    assert event.published_at is not None or event.status in {DRAFT, CANCELLED}
    assert (next_step(event) is None) == (not event.status.is_open)
    if event.missed is not None:
        assert (event.status, event.dispatched) == (COMPLETED, False)
