"""Making, checking and revoking API keys."""

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from domain.operations.errors import InvalidApiKeyError, MissingApiKeyError, UnknownApiKeyError
from domain.operations.events import ApiKeyCreated, ApiKeyRevoked
from domain.operations.model import ApiKey, ApiKeyId, Principal, Role
from domain.operations.ports import OperationsTransaction, OperationsUnitOfWork
from domain.shared.errors import InvalidError, Problem
from domain.shared.events import SYSTEM, Actor, EventId
from domain.shared.ports import Clock, IdFactory

SECRET_PREFIX: Final = "ed_"  # noqa: S105 - it is no secret
"""Lets people and secret scanners tell what a leaked text is."""

_MAX_NAME: Final = 128
_MAX_SECRET: Final = 512
_BOOTSTRAP_NAME: Final = "bootstrap"


def secret_hash(secret: str) -> bytes:
    """Return the hash under which a key is stored.

    A slow, salted hash protects secrets that can be guessed. Ours hold 256 random bits, which nobody can try
    out; one SHA-256 is as safe, can be looked up by index, and costs every call a microsecond.
    """
    return sha256(secret.encode(errors="backslashreplace")).digest()


class ApiKeys:
    """API keys: the secret is given out once and kept as a hash only."""

    def __init__(self, uow: OperationsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def create(
        self, name: str, role: Role, *, actor: Actor, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; return it and its secret, which can never be read again.

        Raises:
            InvalidError: ``invalid_api_key_request``, with a problem for each fault.

        """
        problems = [*_name_problems(name), *_expiry_problems(expires_at, self._clock.now())]
        if problems:
            raise InvalidError("invalid_api_key_request", "the key cannot be made so", problems)
        secret = SECRET_PREFIX + self._ids.secret()
        async with self._uow.begin() as tx:
            key = await self._add(tx, name, role, secret, actor, expires_at)
        return key, secret

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, revoked ones too, newest first."""
        async with self._uow.begin() as tx:
            return await tx.api_keys.list()

    async def revoke(self, key_id: ApiKeyId, *, actor: Actor) -> None:
        """Make the key open nothing from now on; again changes nothing.

        Raises:
            UnknownApiKeyError: no key has this id.

        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            key = await tx.api_keys.get(key_id)
            if key is None:
                raise UnknownApiKeyError(key_id)
            if await tx.api_keys.revoke(key_id, now):
                tx.events.add(
                    ApiKeyRevoked(
                        event_id=EventId(self._ids.new()),
                        occurred_at=now,
                        actor=actor,
                        key_id=key_id,
                        name=key.name,
                    )
                )

    async def authenticate(self, secret: str | None) -> Principal:
        """Return whose secret this is.

        Raises:
            MissingApiKeyError: there is none.
            InvalidApiKeyError: it opens nothing (any more).

        """
        if not secret:
            raise MissingApiKeyError
        if len(secret) > _MAX_SECRET:
            raise InvalidApiKeyError
        async with self._uow.begin() as tx:
            key = await tx.api_keys.find(secret_hash(secret))
        if key is None or not key.is_valid(self._clock.now()):
            raise InvalidApiKeyError
        return Principal(key_id=key.key_id, name=key.name, role=key.role)

    async def still_valid(self, key_ids: Collection[ApiKeyId]) -> frozenset[ApiKeyId]:
        """Return those of the keys that are valid now: what open sockets are checked against."""
        if not key_ids:
            return frozenset()
        async with self._uow.begin() as tx:
            return await tx.api_keys.valid(key_ids, self._clock.now())

    async def bootstrap(self, given: str | None = None) -> str | None:
        """See to it that there is an admin key; return the secret of the one that had to be made.

        With ``given`` it is exactly this secret, and None is returned. A given key that was revoked stays
        so. Where several processes start at once, one makes the key.

        Raises:
            InvalidError: ``invalid_bootstrap_key``: no header could carry it.

        """
        if given is not None and not _fits_a_header(given):
            raise InvalidError(
                "invalid_bootstrap_key", f"an API key needs 1 to {_MAX_SECRET} visible ASCII characters"
            )
        async with self._uow.begin() as tx:
            await tx.api_keys.hold_back_others()
            if given is not None:
                if await tx.api_keys.find(secret_hash(given)) is None:
                    await self._add(tx, _BOOTSTRAP_NAME, Role.ADMIN, given, SYSTEM, None)
                return None
            now = self._clock.now()
            if any(key.role is Role.ADMIN and key.is_valid(now) for key in await tx.api_keys.list()):
                return None
            secret = SECRET_PREFIX + self._ids.secret()
            await self._add(tx, _BOOTSTRAP_NAME, Role.ADMIN, secret, SYSTEM, None)
        return secret

    async def _add(
        self,
        tx: OperationsTransaction,
        name: str,
        role: Role,
        secret: str,
        actor: Actor,
        expires_at: datetime | None,
    ) -> ApiKey:
        key = ApiKey(
            key_id=ApiKeyId(self._ids.new()),
            name=name,
            role=role,
            secret_hash=secret_hash(secret),
            created_at=self._clock.now(),
            expires_at=expires_at,
        )
        await tx.api_keys.add(key)
        tx.events.add(
            ApiKeyCreated(
                event_id=EventId(self._ids.new()),
                occurred_at=key.created_at,
                actor=actor,
                key_id=key.key_id,
                name=name,
                role=role,
                expires_at=expires_at,
            )
        )
        return key


def _name_problems(name: str) -> list[Problem]:
    if 1 <= len(name) <= _MAX_NAME and name.isprintable() and name.strip() == name:
        return []
    detail = f"a name needs 1 to {_MAX_NAME} printable characters and no outer spaces"
    return [Problem("/name", "invalid_name", detail)]


def _expiry_problems(expires_at: datetime | None, now: datetime) -> list[Problem]:
    if expires_at is None:
        return []
    if expires_at.tzinfo is None:
        return [Problem("/expires_at", "naive_timestamp", "the time needs an offset, such as Z or +01:00")]
    if expires_at <= now:
        return [Problem("/expires_at", "in_past", "a key cannot expire before it is made")]
    return []


def _fits_a_header(secret: str) -> bool:
    return 1 <= len(secret) <= _MAX_SECRET and all("!" <= character <= "~" for character in secret)
