from dataclasses import replace
from datetime import timedelta

from domain.demand_response.auto_response import AutoResponse, Decision
from domain.demand_response.model import DeviceId, RoomName, Targets
from domain.demand_response.ports import DemandResponseUnitOfWork
from tests.contract.demand_response.samples import NIGHT, OFFICE, full_device, new_device


async def test_a_device_comes_back_as_it_was_stored(uow: DemandResponseUnitOfWork) -> None:
    plain, full = new_device("plain"), full_device()
    ids = [plain.device_id, full.device_id, DeviceId("x")]
    async with uow.begin() as tx:
        await tx.devices.put([plain, full])
    async with uow.begin() as tx:
        assert await tx.devices.find(ids) == {plain.device_id: plain, full.device_id: full}
        assert await tx.devices.list(1, 0) == ([full], 2)
        changed = replace(full, terms=replace(full.terms, device_id=plain.device_id))
        await tx.devices.put([changed])
        assert await tx.devices.find(ids) == {plain.device_id: changed, full.device_id: full}
        assert await tx.devices.delete(full.device_id)
        assert not await tx.devices.delete(full.device_id)
        assert await tx.devices.list(10, 0) == ([changed], 1)


async def test_availability_of_never_is_not_that_of_always(uow: DemandResponseUnitOfWork) -> None:
    always = new_device("a")
    never = replace(always, terms=replace(always.terms, device_id=DeviceId("b"), availability=()))
    async with uow.begin() as tx:
        await tx.devices.put([always, never])
        found = await tx.devices.find([always.device_id, never.device_id])
    assert (found[always.device_id], found[never.device_id]) == (always, never)


async def test_targets_narrow_each_other(uow: DemandResponseUnitOfWork) -> None:
    devices = [
        new_device("a", "r1", floor="1", use="hvac"),
        new_device("b", "r1", floor="1"),
        new_device("c", "r2", use="hvac"),
        new_device("d"),
    ]
    r1, r2 = RoomName("r1"), RoomName("r2")
    async with uow.begin() as tx:
        await tx.devices.put(devices)
        for targets, expected in (
            (Targets(), "abcd"),
            (Targets(device_ids=(DeviceId("d"), DeviceId("a"), DeviceId("x"))), "ad"),
            (Targets(device_ids=()), ""),
            (Targets(room_names=(r1,)), "ab"),
            (Targets(room_names=(r1, r2)), "abc"),
            (Targets(labels=(("floor", "1"), ("use", "hvac"))), "a"),
            (Targets(labels=(("use", "hvac"),), room_names=(r2,)), "c"),
            (Targets(device_ids=(DeviceId("a"),), room_names=(r2,)), ""),
        ):
            found = await tx.devices.select(targets)
            assert "".join(one.device_id for one in found) == expected


async def test_rules_of_devices_and_of_all_others(uow: DemandResponseUnitOfWork) -> None:
    device = DeviceId("a")
    of_all = AutoResponse(enabled=True)
    own = AutoResponse(
        device_id=device,
        enabled=True,
        min_notice=timedelta(minutes=30),
        max_duration=timedelta(hours=2),
        max_events_per_day=2,
        min_price=-0.5,
        hours=(OFFICE, NIGHT),
        keep_comfort=False,
        decision=Decision.OPT_OUT,
    )
    async with uow.begin() as tx:
        assert await tx.auto_responses.get(None) is None
        await tx.auto_responses.put(replace(own, device_id=None))
        await tx.auto_responses.put(of_all)
        await tx.auto_responses.put(own)
    async with uow.begin() as tx:
        assert await tx.auto_responses.get(None) == of_all
        assert await tx.auto_responses.get(device) == own
        assert await tx.auto_responses.get(DeviceId("b")) is None
        assert await tx.auto_responses.find([device, DeviceId("b")]) == {device: own}
        never = replace(own, hours=())
        await tx.auto_responses.put(never)
        assert await tx.auto_responses.get(device) == never
        assert await tx.auto_responses.delete(device)
        assert not await tx.auto_responses.delete(device)
        assert not await tx.auto_responses.find([device])
