"""A process that lost the embedded database ends, so that its next start finds or makes one."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from dishka import AsyncContainer

from adapters.timescale.database import Database
from app.background import running

_LOG: Final = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 1.0
lost = False
"""Whether this process ends since its database did."""
_PATIENCE: Final = 5
"""So many looks in a row have to fail."""


@asynccontextmanager
async def watched(container: AsyncContainer) -> AsyncIterator[None]:
    """Look whether the embedded PostgreSQL still listens: it comes back on another port, if at all."""
    database: Database = await container.get(Database)
    async with running(_watch(database), "embedded watch"):
        yield


async def _watch(database: Database) -> None:
    failures = 0
    while failures < _PATIENCE:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            _, writer = await asyncio.open_connection(database.url.host, database.url.port)
        except OSError:
            failures += 1
        else:
            writer.close()
            failures = 0
    global lost  # noqa: PLW0603 - the one word that outlives the event loop
    lost = True
    _LOG.critical("the embedded PostgreSQL has ended (its owner may have); start this process again")
    os.kill(os.getpid(), signal.SIGTERM)
