"""Errors of the domain, by kind. Each has a stable ``code``; an adapter decides what answer a kind gets."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input: where (a JSON pointer, RFC 6901), what (a stable code) and what to do."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """The root of the domain's errors."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class InvalidError(DomainError):
    """The input cannot be taken as it is; ``problems`` says each fault."""

    def __init__(self, code: str, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(code, detail)
        self.problems = tuple(problems)


class NotFoundError(DomainError):
    """What was asked for is not there."""


class ConflictError(DomainError):
    """The input is well formed, but does not go with the state of things."""


class UnauthenticatedError(DomainError):
    """No credentials, or wrong ones."""


class ForbiddenError(DomainError):
    """The credentials do not allow this."""


class TooLargeError(DomainError):
    """More than one call may carry."""


class TooManyRequestsError(DomainError):
    """Too often; ``retry_after_seconds`` says when to come back."""

    def __init__(self, code: str, detail: str, retry_after_seconds: float) -> None:
        super().__init__(code, detail)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(DomainError):
    """Something that is needed, such as the database, is away for now."""
