"""A process that runs jobs over the database of a test: ``python -m tests.integration.jobs.worker``.

Every run leaves its lines on stdout: the job, `begun` or `done`, and the time.
"""

import asyncio
import sys
import time
from contextlib import suppress
from datetime import timedelta

from dishka import AsyncContainer, make_async_container

from adapters.events.codec import JsonEventCodec
from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from app.job_runner import JobRunner
from app.jobs import Job
from app.settings import Settings
from domain.operations.jobs import WorkerName
from domain.operations.services.jobs import JobSlots


def say(name: str, what: str) -> None:
    sys.stdout.write(f"{name} {what} {time.time()}\n")
    sys.stdout.flush()


def job(name: str, every: float, seconds: float) -> Job:
    async def run(_: AsyncContainer) -> None:
        say(name, "begun")
        await asyncio.sleep(seconds)
        say(name, "done")

    return Job(name, lambda _: every, run)


async def main(url: str, worker: str, term: float, *jobs: str) -> None:
    database = Database(url, JsonEventCodec({}, {}))
    slots = JobSlots(
        TimescaleOperationsUnitOfWork(database, JsonEventCodec({}, {})),
        WorkerName(worker),
        timedelta(seconds=term),
    )
    table = []
    for text in jobs:
        name, every, seconds = text.split(":")
        table.append(job(name, float(every), float(seconds)))
    await JobRunner(make_async_container(), table, Settings(), slots).run()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:]))
