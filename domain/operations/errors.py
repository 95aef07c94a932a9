"""What can go wrong in the running of the product."""

from domain.operations.model import ApiKeyId
from domain.shared.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError


class MissingApiKeyError(UnauthenticatedError):
    """A call came without a key."""

    def __init__(self) -> None:
        super().__init__("missing_api_key", "this needs an API key: Authorization: Bearer <api key>")


class InvalidApiKeyError(UnauthenticatedError):
    """The key is unknown, revoked or expired; which of them is not told."""

    def __init__(self) -> None:
        super().__init__("invalid_api_key", "the API key is unknown, revoked or expired")


class UnknownApiKeyError(NotFoundError):
    """No key has this id."""

    def __init__(self, key_id: ApiKeyId) -> None:
        super().__init__("unknown_api_key", f"no API key has the id {key_id}")


class IdempotencyInProgressError(ConflictError):
    """The first request with this key still runs."""

    def __init__(self) -> None:
        super().__init__("in_progress", "the first request with this Idempotency-Key still runs")


class IdempotencyKeyReusedError(InvalidError):
    """The key was used before, for another request."""

    def __init__(self) -> None:
        super().__init__("idempotency_key_reused", "this Idempotency-Key was used before for another request")
