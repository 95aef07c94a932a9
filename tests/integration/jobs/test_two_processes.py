"""Jobs over processes that know of each other by the database only."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.databases import MigratedDatabase

TERM = 1.5
YEAR = 365 * 86_400


class Worker:
    """A process that runs jobs; what it prints is read as it comes."""

    def __init__(self, url: str, name: str, *jobs: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "tests.integration.jobs.worker", url, name, str(TERM), *jobs],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[tuple[str, str, float]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, what, at = line.split()
            self.lines.append((name, what, float(at)))

    def times(self, name: str, what: str) -> list[float]:
        return [at for job, done, at in self.lines if (job, done) == (name, what)]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def close(self) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for one in started:
        one.close()


def until(met: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_of_two_processes_runs_each_slot(
    migrated: MigratedDatabase, database_url: str, workers: list[Worker]
) -> None:
    jobs = ("often:0.5:0.1", f"once:{YEAR}:0.2")
    workers += [Worker(database_url, name, *jobs) for name in ("a", "b")]
    # Both have their turns: who comes first is left to chance.
    until(lambda: all(len(one.times("often", "done")) > 1 for one in workers), 30)
    for one in workers:
        one.send(signal.SIGINT)
        one.process.wait(60)
        one.close()
    runs = sorted(at for one in workers for at in one.times("often", "begun"))
    slots = [int(at / 0.5) for at in runs]
    assert len(set(slots)) == len(slots)
    assert sum(len(one.times("once", "begun")) for one in workers) == 1
    with psycopg.connect(migrated.owner_url) as connection:
        recorded = connection.execute("SELECT job, attempts, outcome FROM ops.job_runs").fetchall()
        assert recorded == [("once", 1, "succeeded")]
        assert connection.execute("SELECT count(*) FROM ops.jobs").fetchone() == (2,)


def test_the_slot_of_a_winner_that_was_killed_is_taken_over_after_its_lease(
    migrated: MigratedDatabase, database_url: str, workers: list[Worker]
) -> None:
    jobs = (f"long:{YEAR}:1",)
    workers += [Worker(database_url, name, *jobs) for name in ("a", "b")]
    until(lambda: any(one.times("long", "begun") for one in workers))
    winner, other = sorted(workers, key=lambda one: not one.lines)
    winner.send(signal.SIGKILL)
    killed = time.time()
    until(lambda: other.times("long", "done"))
    (begun,) = other.times("long", "begun")
    # It was renewed before it was killed, or not; and the other looks when the lease it saw has lapsed.
    assert TERM / 2 < begun - killed < 2 * TERM + 1
    assert not winner.times("long", "done")
    with psycopg.connect(migrated.owner_url) as connection:
        recorded = connection.execute("SELECT attempts, outcome FROM ops.job_runs").fetchall()
        assert recorded == [(2, "succeeded")]


def test_a_winner_that_was_paused_is_shut_out(
    migrated: MigratedDatabase, database_url: str, workers: list[Worker]
) -> None:
    jobs = (f"long:{YEAR}:5",)
    workers += [Worker(database_url, name, *jobs) for name in ("a", "b")]
    until(lambda: any(one.times("long", "begun") for one in workers))
    winner, other = sorted(workers, key=lambda one: not one.lines)
    winner.send(signal.SIGSTOP)
    until(lambda: other.times("long", "begun"))
    winner.send(signal.SIGCONT)
    until(lambda: other.times("long", "done"))
    time.sleep(0.5)
    assert not winner.times("long", "done"), "it was cut off"
    assert len(winner.times("long", "begun")) == len(other.times("long", "begun")) == 1
    with psycopg.connect(migrated.owner_url) as connection:
        (row,) = connection.execute("SELECT attempts, outcome, worker FROM ops.job_runs").fetchall()
    assert row == (2, "succeeded", "ab"[workers.index(other)])


def test_a_process_that_ends_hands_over_at_once(
    migrated: MigratedDatabase, database_url: str, workers: list[Worker]
) -> None:
    workers.append(Worker(database_url, "a", f"long:{YEAR}:60"))
    until(lambda: workers[0].times("long", "begun"))
    workers[0].send(signal.SIGINT)
    workers[0].process.wait(60)
    with psycopg.connect(migrated.owner_url) as connection:
        (free_at, worker) = connection.execute("SELECT free_at, worker FROM ops.jobs").fetchone() or (0, 0)
    assert worker is None
    assert isinstance(free_at, datetime)
    assert free_at <= datetime.now(UTC) + timedelta(seconds=TERM / 2)


def test_updates_in_place_leave_no_index_entries(
    migrated: MigratedDatabase, database_url: str, workers: list[Worker]
) -> None:
    workers.append(Worker(database_url, "a", "often:0.1:0"))
    until(lambda: len(workers[0].times("often", "done")) >= 30)
    workers[0].send(signal.SIGINT)
    workers[0].process.wait(60)
    with psycopg.connect(migrated.owner_url) as connection:
        (size,) = connection.execute("SELECT pg_relation_size('ops.jobs')").fetchone() or (None,)
        assert size == 8192
