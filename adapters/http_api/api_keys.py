"""``/api-keys``: who may call."""

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody

from adapters.web.authentication import requires
from adapters.web.idempotency import TAKES_KEYS
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.operations.model import ApiKey, ApiKeyId, Principal, Role
from domain.operations.services.api_keys import ApiKeys


class NewApiKey(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A key to be made."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    role: Role
    expires_at: Instant | None = None


class ApiKeyAnswer(msgspec.Struct, kw_only=True):
    """A key, without its secret."""

    id: UUID
    name: str
    role: Role
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class CreatedApiKey(ApiKeyAnswer, kw_only=True):
    """A new key; ``key`` is shown this once."""

    key: str


def _fields(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.key_id,
        "name": key.name,
        "role": key.role,
        "created_at": Instant.of(key.created_at),
        "expires_at": key.expires_at and Instant.of(key.expires_at),
        "revoked_at": key.revoked_at and Instant.of(key.revoked_at),
    }


class ApiKeysController(Controller):
    """API keys; only admins see or change them."""

    path = "/api-keys"
    tags = ("API keys",)
    guards = (requires(Role.ADMIN),)

    @get("/", summary="List API keys")
    @inject
    async def list(
        self, api_keys: FromDishka[ApiKeys], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[ApiKeyAnswer]:
        """Return all keys, newest first, revoked and expired ones too."""
        keys = await api_keys.list()
        items = [msgspec.convert(_fields(key), ApiKeyAnswer) for key in keys[offset : offset + limit]]
        return Page(items=items, total=len(keys), limit=limit, offset=offset)

    # The answer is a secret, which is not to be stored for a second call.
    @post("/", summary="Make an API key", opt={TAKES_KEYS: False})
    @inject
    async def create(
        self, data: JSONBody[NewApiKey], api_keys: FromDishka[ApiKeys], principal: FromDishka[Principal]
    ) -> CreatedApiKey:
        """Make a key. Its secret is in this answer and nowhere else."""
        key, secret = await api_keys.create(
            data.name, data.role, actor=principal.actor, expires_at=data.expires_at
        )
        return msgspec.convert({**_fields(key), "key": secret}, CreatedApiKey)

    @delete("/{key_id:uuid}", summary="Revoke an API key")
    @inject
    async def revoke(
        self, key_id: FromPath[UUID], api_keys: FromDishka[ApiKeys], principal: FromDishka[Principal]
    ) -> None:
        """Make the key open nothing from now on, in every process."""
        await api_keys.revoke(ApiKeyId(key_id), actor=principal.actor)
