"""The life of an event: ``draft, far, near, active, completed, cancelled``, by commands and by the time.

Nothing here knows what time it is: each step is told. A clock that is set back changes nothing that has
happened, and an event never goes back to an earlier status.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.dr_events import DrEvent, DrEventStatus, StatusChange
from domain.demand_response.errors import began_too_long_ago
from domain.demand_response.model import Fault
from domain.shared.errors import ConflictError
from domain.shared.events import SYSTEM, Actor

MOST_LATE: Final = timedelta(hours=1)
"""An event that began longer ago, and has not ended, is not taken any more."""

ON_TIME: Final = timedelta(seconds=5)
"""A start that is no later goes without saying so."""

TOO_LATE: Final = "too_late"
NOBODY_OPTED_IN: Final = "nobody_opted_in"
NOTHING_TO_SHED: Final = "nothing_to_shed"
SERVED_OTHER_EVENTS: Final = "served_other_events"


def check_start(start: datetime, end: datetime, now: datetime) -> None:
    """Refuse an event that is too late to take part in and too early to measure.

    Raises:
        InvalidError: ``began_too_long_ago``.

    """
    if end > now > start + MOST_LATE:
        raise began_too_long_ago()


def publish(event: DrEvent, now: datetime, by: Actor, reason: str | None = None) -> DrEvent:
    """Return a draft as it is once it is published, which may be as far as `DrEventStatus.COMPLETED`.

    One that has ended already is recorded, so that it can be measured.

    Raises:
        ConflictError: it is no draft any more (``already_published``, ``event_completed`` or
            ``event_cancelled``), or it began over an hour ago and has not ended (``began_too_long_ago``).

    """
    if event.status is not DrEventStatus.DRAFT:
        raise _illegal(event)
    terms = event.terms
    if terms.end > now > terms.start + MOST_LATE:
        late = began_too_long_ago()
        raise ConflictError(late.code, late.detail)
    published = replace(event, published_at=now)
    if terms.end <= now:
        return _moved(
            published, DrEventStatus.COMPLETED, now, by, reason or "it had ended when it was posted"
        )
    status = DrEventStatus.NEAR if terms.near_from <= now < terms.start else DrEventStatus.FAR
    if now >= terms.start:
        return _begun(published, now, by, reason)
    return _moved(published, status, now, by, reason)


def cancel(event: DrEvent, now: datetime, by: Actor, reason: str | None = None) -> DrEvent:
    """Return the event as it is once somebody has cancelled it.

    Raises:
        ConflictError: it is over (``event_completed`` or ``event_cancelled``).

    """
    if event.status.is_over:
        raise _illegal(event)
    return _moved(event, DrEventStatus.CANCELLED, now, by, reason)


def advance(event: DrEvent, now: datetime) -> DrEvent:
    """Return the event as the time has made it; the same one where that changes nothing.

    What should have begun while nobody was there begins late while half of it or more remains; else it is
    missed, with the reason, and over.
    """
    terms = event.terms
    if not event.status.is_open:
        return event
    if event.status is DrEventStatus.ACTIVE:
        return _moved(event, DrEventStatus.COMPLETED, now, SYSTEM) if now >= terms.end else event
    if now >= terms.start:
        return _begun(event, now, SYSTEM)
    if event.status is DrEventStatus.FAR and now >= terms.near_from:
        return _moved(event, DrEventStatus.NEAR, now, SYSTEM)
    return event


def invite_at(event: DrEvent) -> datetime | None:
    """Return when its invitations are to go out; None where they have, or never will."""
    if not event.status.is_open or event.invited_at is not None or event.published_at is None:
        return None
    notice = event.terms.notification_period
    return event.published_at if notice is None else event.terms.start - notice


def answer_until(event: DrEvent, invited_at: datetime) -> datetime:
    """Return when an invitation expires: as the event gets near, or at its end where it was near already."""
    near_from = event.terms.near_from
    return near_from if invited_at < near_from else event.terms.end


def next_step(event: DrEvent) -> datetime | None:
    """Return when the event goes on by itself; None: never."""
    steps = [invite_at(event)]
    if event.status is DrEventStatus.FAR:
        steps.append(event.terms.near_from)
    elif event.status is DrEventStatus.NEAR:
        steps.append(event.terms.start)
    elif event.status is DrEventStatus.ACTIVE:
        steps.append(event.terms.end)
    return min((step for step in steps if step is not None), default=None)


def missed(event: DrEvent, code: str, detail: str) -> DrEvent:
    """Return the event, marked as one for which no device was told, unless one was."""
    if event.dispatched or event.missed is not None:
        return event
    return replace(event, missed=Fault(code, detail))


def _begun(event: DrEvent, now: datetime, by: Actor, reason: str | None = None) -> DrEvent:
    """Return an event whose start has passed: active, or missed and over."""
    terms = event.terms
    late = now - terms.start
    remaining = terms.end - now
    # Devices that were told during the ramp-up shed already: it is on, however late that is noticed.
    if remaining > timedelta() and (2 * remaining >= terms.duration or event.dispatched):
        said = reason if late <= ON_TIME else reason or f"it starts {_whole(late)} late"
        return _moved(event, DrEventStatus.ACTIVE, now, by, said)
    noticed = (
        f"it should have started {_whole(late)} before this was noticed, when less than half of it was left"
    )
    event = missed(event, TOO_LATE, noticed)
    return _moved(event, DrEventStatus.COMPLETED, now, by, reason or (event.missed and TOO_LATE) or None)


def _whole(late: timedelta) -> timedelta:
    return timedelta(seconds=round(late.total_seconds()))


def _moved(
    event: DrEvent, status: DrEventStatus, now: datetime, by: Actor, reason: str | None = None
) -> DrEvent:
    change = StatusChange(status, now, by, reason)
    return replace(event, status=status, history=(*event.history, change))


def _illegal(event: DrEvent) -> ConflictError:
    if event.status is DrEventStatus.COMPLETED:
        return ConflictError("event_completed", "the event is over")
    if event.status is DrEventStatus.CANCELLED:
        return ConflictError("event_cancelled", "the event was cancelled")
    return ConflictError("already_published", "the event is published already")
