"""What is told of a device that takes part."""

from dataclasses import fields

from domain.demand_response.devices import Device, DeviceTerms
from domain.demand_response.events import DrDeviceChanged, DrDeviceRegistered
from domain.shared.events import Actor, DomainEvent, EventId
from domain.shared.ports import Clock, IdFactory


def device_told(
    clock: Clock, ids: IdFactory, before: Device | None, after: Device, actor: Actor
) -> DomainEvent:
    """Return the event: it is new, or what is said of it has changed."""
    event_id, now = EventId(ids.new()), clock.now()
    if before is None:
        return DrDeviceRegistered(event_id=event_id, occurred_at=now, actor=actor, device_id=after.device_id)
    changed = tuple(
        one.name
        for one in fields(DeviceTerms)
        if getattr(before.terms, one.name) != getattr(after.terms, one.name)
    )
    return DrDeviceChanged(
        event_id=event_id, occurred_at=now, actor=actor, device_id=after.device_id, changed=changed
    )
