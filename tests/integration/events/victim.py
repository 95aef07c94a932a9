"""A process to be killed: it commits events, and its relay delivers them until one never ends.

Usage: ``python -m tests.integration.events.victim URL``
"""

import asyncio
import sys

from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from adapters.timescale.signals import TimescaleLeadership, TimescaleSignals
from tests.unit.events.machinery import Process
from tests.unit.events.samples import CODEC, Noted, happened, noted


async def main(url: str) -> None:
    handling = asyncio.Event()

    async def handle(event: Noted) -> None:
        if event.text == "unfinished":
            handling.set()
            await asyncio.sleep(3600)

    database = Database(url, CODEC)
    uow = TimescaleOperationsUnitOfWork(database, CODEC)
    process = Process(uow, TimescaleLeadership(database.url), TimescaleSignals(database.url), [handle])
    database.on_commit(process.relay.wake)
    async with process.running():
        await process.commit(noted("finished"), noted("unfinished"), happened(1))
        await handling.wait()
        await process.commit(noted("after"), happened(2))
        sys.stdout.write("committed\n")
        sys.stdout.flush()
        await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
