"""Closes the sockets of keys that are revoked or expire."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from domain.operations.model import ApiKeyId
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import UnavailableError

_LOG: Final = logging.getLogger(__name__)


class KeyWatch:
    """Looks, for all connected keys of this process in one query, which of them still open anything."""

    def __init__(self, api_keys: ApiKeys, interval_seconds: float) -> None:
        self._api_keys = api_keys
        self._interval = interval_seconds
        self._on_revoked: defaultdict[ApiKeyId, list[Callable[[], None]]] = defaultdict(list)

    @contextmanager
    def watching(self, key_id: ApiKeyId, revoked: Callable[[], None]) -> Iterator[None]:
        """Call back once the key opens nothing any more, while the context is open."""
        self._on_revoked[key_id].append(revoked)
        try:
            yield
        finally:
            self._on_revoked[key_id].remove(revoked)
            if not self._on_revoked[key_id]:
                del self._on_revoked[key_id]

    async def run(self) -> None:
        """Look at the keys for as long as the process serves."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self._look()
            except UnavailableError:
                continue  # while the database is away no key can be revoked either
            except Exception:  # noqa: BLE001 - the watch must outlive any failure
                _LOG.exception("looking at the keys of open sockets failed; trying again")

    async def _look(self) -> None:
        connected = frozenset(self._on_revoked)
        if not connected:
            return
        valid = await self._api_keys.still_valid(connected)
        for key_id in connected - valid:
            for revoked in tuple(self._on_revoked.get(key_id, ())):
                revoked()
