from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.invitations import AnsweredBy, InvitationStatus
from domain.demand_response.model import DeviceId, DrEventId, InvitationId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.store_ports import InvitationFilter
from domain.shared.events import Actor
from tests.contract.demand_response.samples import (
    HOUR,
    NASTY,
    NOW,
    new_event,
    new_invitation,
    with_events,
)


async def test_an_invitation_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    (event,) = await with_events(uow, new_event())
    plain = new_invitation(event)
    answered = replace(
        new_invitation(event, "b"),
        status=InvitationStatus.OPT_IN,
        answered_by=AnsweredBy.RULE,
        answered_at=NOW,
        actor=Actor("key:1"),
        rule=NASTY,
        committed_kw=1.25,
        reason=NASTY,
    )
    async with uow.begin() as tx:
        assert list(await tx.invitations.add([answered, plain])) == [answered, plain]
    async with uow.begin() as tx:
        assert await tx.invitations.get(plain.invitation_id) == plain
        assert await tx.invitations.get(answered.invitation_id) == answered
        assert await tx.invitations.get(InvitationId(uuid4())) is None
        assert list(await tx.invitations.of_event(event.event_id)) == [plain, answered]
        assert not await tx.invitations.of_event(DrEventId(uuid4()))
        changed = replace(
            answered, invitation_id=plain.invitation_id, device_id=plain.device_id, answered_by=None
        )
        await tx.invitations.replace([changed])
        assert await tx.invitations.get(plain.invitation_id) == changed


async def test_a_device_is_invited_once(uow: DemandResponseUnitOfWork) -> None:
    event, other = await with_events(uow, new_event(), new_event())
    first = new_invitation(event)
    async with uow.begin() as tx:
        await tx.invitations.add([first])
    async with uow.begin() as tx:
        new = [new_invitation(event), new_invitation(event, "b"), new_invitation(other)]
        assert list(await tx.invitations.add(new)) == new[1:]
        assert not await tx.invitations.add([])
    async with uow.begin() as tx:
        assert await tx.invitations.get(first.invitation_id) == first
        assert await tx.invitations.get(new[0].invitation_id) is None


async def test_invitations_are_found(uow: DemandResponseUnitOfWork) -> None:
    event, other = await with_events(uow, new_event(), new_event())
    first = replace(new_invitation(event), answer_until=NOW + 2 * HOUR)
    second = replace(new_invitation(event, "b"), invited_at=NOW + HOUR)
    answered = replace(new_invitation(other), invited_at=NOW + 2 * HOUR, status=InvitationStatus.OPT_OUT)
    async with uow.begin() as tx:
        await tx.invitations.add([first, second, answered])
        for where, expected in (
            (InvitationFilter(), [answered, second, first]),
            (InvitationFilter(status=InvitationStatus.OPT_OUT), [answered]),
            (InvitationFilter(event_id=event.event_id), [second, first]),
            (InvitationFilter(device_id=DeviceId("a")), [answered, first]),
            (InvitationFilter(device_id=DeviceId("b"), status=InvitationStatus.OPT_IN), []),
        ):
            assert await tx.invitations.list(where, 10, 0) == (expected, len(expected))
        assert await tx.invitations.list(InvitationFilter(), 1, 1) == ([second], 3)
        assert list(await tx.invitations.unanswered(10)) == [second, first]
        assert list(await tx.invitations.unanswered(1)) == [second]


async def test_what_devices_opted_in_to(uow: DemandResponseUnitOfWork) -> None:
    day = timedelta(days=1)
    today, cancelled, later = await with_events(
        uow, new_event(NOW), new_event(NOW, DrEventStatus.CANCELLED), new_event(NOW + day)
    )
    opted_in = [
        replace(new_invitation(event), status=InvitationStatus.OPT_IN) for event in (today, cancelled, later)
    ]
    async with uow.begin() as tx:
        await tx.invitations.add([*opted_in, new_invitation(today, "b")])
        devices = [DeviceId("a"), DeviceId("b")]
        assert await tx.invitations.opted_in(devices, NOW, NOW + day) == {DeviceId("a"): [today.event_id]}
        assert not await tx.invitations.opted_in([DeviceId("b")], NOW, NOW + 2 * day)
