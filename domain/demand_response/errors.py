"""Errors of demand response."""

from domain.demand_response.model import DeviceId, DrEventId, Fault, InvitationId, ProgramId
from domain.shared.errors import ConflictError, InvalidError, NotFoundError, Problem


class DeviceControlError(Exception):
    """A device did not take a command.

    Codes: ``timeout, connection_refused, connection_lost, unreachable, unknown_host, host_not_allowed,
    tls_failed, bad_http, http_<status>, redirect_refused, too_large, auth_missing``. Those of `FOR_GOOD` are
    not tried again.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


FOR_GOOD = frozenset({"host_not_allowed", "auth_missing"})
"""Codes of what trying again cannot mend."""


def unknown_program(program_id: ProgramId) -> NotFoundError:
    """Say that no program has this id."""
    return NotFoundError("unknown_program", f"there is no program {program_id}")


def unknown_event(event_id: DrEventId) -> NotFoundError:
    """Say that no event has this id."""
    return NotFoundError("unknown_event", f"there is no event {event_id}")


def unknown_invitation(invitation_id: InvitationId) -> NotFoundError:
    """Say that no invitation has this id."""
    return NotFoundError("unknown_invitation", f"there is no invitation {invitation_id}")


def unknown_device(device_id: DeviceId) -> NotFoundError:
    """Say that no device has this id."""
    return NotFoundError("unknown_device", f"there is no demand response device {device_id!r}")


def program_exists(name: str) -> ConflictError:
    """Say that the name is taken."""
    return ConflictError("program_exists", f"there is a program {name!r} already; PUT changes it")


def program_has_events(program_id: ProgramId) -> ConflictError:
    """Say that it cannot go while it is in use."""
    return ConflictError("program_has_events", f"program {program_id} has events that are not over")


def device_is_serving(device_id: DeviceId) -> ConflictError:
    """Say that it cannot go while it is in use."""
    return ConflictError(
        "device_is_serving", f"device {device_id!r} serves an event; opt out of it, or cancel it"
    )


def device_comes_back(device_id: DeviceId) -> ConflictError:
    """Say that it cannot go before it was told to come back."""
    return ConflictError(
        "device_is_serving",
        f"device {device_id!r} is still to be told to come back; try again once it was, or that was given up",
    )


def event_exists() -> ConflictError:
    """Say that the rule of the program has made this event before."""
    return ConflictError("event_exists", "the program has an event of its rule at that time already")


def began_too_long_ago() -> InvalidError:
    """Say that it is too late to take part, and too early to measure."""
    return InvalidError(
        "began_too_long_ago",
        "the event began over an hour ago and has not ended",
        (
            Problem(
                "/start", "began_too_long_ago", "at most an hour ago, or else so that the event has ended"
            ),
        ),
    )


def unknown_report(event_id: DrEventId, version: int) -> NotFoundError:
    """Say that the event has no report of this version."""
    return NotFoundError("unknown_report", f"event {event_id} has no report of version {version}")
