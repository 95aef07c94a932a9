from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.operations.jobs import JobName, JobState, WorkerName, slot_of

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TERM = timedelta(seconds=15)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

RUNNING = JobState(
    job=JobName("job"),
    every=HOUR,
    slot=NOON,
    fence=1,
    attempts=1,
    claimed_at=NOON,
    worker=WorkerName("a"),
    free_at=NOON + TERM,
)
DONE = replace(RUNNING, worker=None, free_at=None)
FAILED = replace(RUNNING, worker=None, free_at=NOON + timedelta(seconds=30))

offsets = st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=30))
intervals = st.timedeltas(min_value=timedelta(milliseconds=10), max_value=timedelta(days=40))


def claimable(state: JobState, now: datetime, every: timedelta = HOUR) -> bool:
    return state.claimable(slot_of(now, every), every, now, TERM)


@given(offsets, intervals)
def test_slots_cover_time_without_overlap(offset: timedelta, every: timedelta) -> None:
    time = NOON + offset
    slot = slot_of(time, every)
    assert slot <= time < slot + every
    assert slot_of(slot, every) == slot
    assert slot_of(slot + every, every) == slot + every


@pytest.mark.parametrize(
    ("state", "now", "free"),
    [
        (RUNNING, NOON + SECOND, False),
        (RUNNING, NOON + TERM, True),
        (replace(RUNNING, attempts=5), NOON + TERM, False),
        (replace(RUNNING, attempts=5), NOON + HOUR, True),
        (replace(RUNNING, free_at=NOON + HOUR + TERM), NOON + HOUR + SECOND, False),
        (DONE, NOON + SECOND, False),
        (DONE, NOON + HOUR - SECOND, False),
        (DONE, NOON + HOUR, True),
        (DONE, NOON + 100 * HOUR, True),
        (FAILED, NOON + SECOND, False),
        (FAILED, NOON + timedelta(seconds=30), True),
        (FAILED, NOON + HOUR, True),
    ],
)
def test_what_may_be_claimed(state: JobState, now: datetime, free: bool) -> None:
    assert claimable(state, now) is free


def test_a_clock_that_steps_back_a_little_runs_no_slot_again() -> None:
    for back in (SECOND, timedelta(minutes=30), HOUR):
        assert not claimable(DONE, NOON - back)
    assert DONE.wait(HOUR, NOON - HOUR, TERM) == 2 * HOUR


def test_a_clock_that_steps_back_far_stops_nothing_for_long() -> None:
    assert claimable(DONE, NOON - timedelta(days=3650))
    assert not claimable(RUNNING, NOON - timedelta(seconds=59)), "a lease is not lost by a small step"
    assert claimable(RUNNING, NOON - timedelta(days=3650)), "nor kept for ever by a large one"


def test_a_clock_that_steps_ahead_runs_the_newest_slot_only() -> None:
    assert claimable(DONE, NOON + timedelta(days=365))


@given(offsets, intervals, st.sampled_from([RUNNING, DONE, FAILED, replace(RUNNING, attempts=5)]))
def test_who_waits_wakes_when_there_may_be_something_to_claim(
    offset: timedelta, every: timedelta, state: JobState
) -> None:
    now = NOON + offset
    if claimable(state, now, every):
        return
    wait = state.wait(every, now, TERM)
    assert timedelta() < wait <= max(2 * every, TERM + timedelta(minutes=1))
    just_before = now + wait - timedelta(microseconds=1)
    if now >= NOON and not state.held(now, TERM):
        assert not claimable(state, just_before, every), "it could have been claimed sooner"
        assert claimable(state, now + wait, every)


@pytest.mark.parametrize(
    ("state", "now", "due"),
    [
        (DONE, NOON + SECOND, NOON + HOUR),
        (RUNNING, NOON + SECOND, NOON + HOUR),
        (FAILED, NOON + SECOND, NOON + timedelta(seconds=30)),
        (RUNNING, NOON + timedelta(minutes=1), NOON + timedelta(minutes=1)),
        (DONE, NOON + 5 * HOUR, NOON + 5 * HOUR),
    ],
)
def test_when_it_runs_next(state: JobState, now: datetime, due: datetime) -> None:
    assert state.next_run(now, TERM) == due


def test_a_job_that_nobody_runs_is_overdue() -> None:
    assert not DONE.overdue(NOON + HOUR + timedelta(minutes=30))
    assert DONE.overdue(NOON + 2 * HOUR + timedelta(minutes=2))
