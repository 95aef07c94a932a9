from dataclasses import replace
from datetime import timedelta

import pytest

from domain.demand_response.devices import Control, ControlBody, ControlKind, DeviceTerms, ProfileOrigin
from domain.demand_response.errors import DeviceControlError
from domain.demand_response.events import DrDeviceChanged, DrDeviceRegistered
from domain.demand_response.model import DeviceId, DrEventId, RoomName, SensorId, WeekWindow
from domain.shared.errors import ConflictError, InvalidError, NotFoundError
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, Site, control, reduction

GOOD = DeviceTerms(device_id=DeviceId("d"), power_sensor_id=SensorId("d0.power"), control=control("d"))


def with_reduce(**changes: object) -> DeviceTerms:
    good = control("d")
    assert good.reduce is not None
    return replace(GOOD, control=replace(good, reduce=replace(good.reduce, **changes)))  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("terms", "code", "pointer"),
    [
        (replace(GOOD, device_id=DeviceId("a b")), "invalid_id", "/device_id"),
        (replace(GOOD, room_name=RoomName("a/b")), "invalid_id", "/room_name"),
        (replace(GOOD, min_power_kw=-0.1), "invalid_value", "/min_power_kw"),
        (replace(GOOD, max_reduction_kw=-0.1), "invalid_value", "/max_reduction_kw"),
        (replace(GOOD, max_reduction_kw=float("nan")), "invalid_value", "/max_reduction_kw"),
        (replace(GOOD, max_duration=timedelta()), "invalid_value", "/max_duration"),
        (replace(GOOD, min_rest=-SECOND), "invalid_value", "/min_rest"),
        (replace(GOOD, min_rest=timedelta(days=8)), "invalid_value", "/min_rest"),
        (replace(GOOD, ramp_seconds=-1.0), "invalid_value", "/ramp_seconds"),
        (replace(GOOD, max_events_per_day=-1), "invalid_value", "/max_events_per_day"),
        (replace(GOOD, priority=-1), "invalid_value", "/priority"),
        (
            replace(GOOD, availability=(WeekWindow(frozenset(), 0, 60),)),
            "invalid_value",
            "/availability/0/days",
        ),
        (replace(GOOD, control=Control(kind=ControlKind.HTTP)), "required", "/control/reduce"),
        (
            replace(GOOD, control=replace(control("d"), kind=ControlKind.NONE)),
            "unexpected",
            "/control/reduce",
        ),
        (with_reduce(method="HEAD"), "invalid_value", "/control/reduce/method"),
        (with_reduce(url="ftp://127.0.0.1/"), "invalid_url", "/control/reduce/url"),
        (with_reduce(url="http://a b/"), "invalid_url", "/control/reduce/url"),
        (with_reduce(url="http://127.0.0.1:99999/"), "invalid_url", "/control/reduce/url"),
        (with_reduce(url="http://me:secret@127.0.0.1/"), "invalid_url", "/control/reduce/url"),
        (with_reduce(url="http://169.254.169.254/"), "host_not_allowed", "/control/reduce/url"),
        (with_reduce(headers={"Host": "x"}), "invalid_value", "/control/reduce/headers/Host"),
        (with_reduce(headers={"X-A": "a\r\nb"}), "invalid_value", "/control/reduce/headers/X-A"),
        (with_reduce(body=ControlBody("text/plain", "x" * 65_537)), "too_long", "/control/reduce/body"),
        (with_reduce(timeout=timedelta(minutes=1)), "invalid_value", "/control/reduce/timeout"),
        (replace(GOOD, power_sensor_id=SensorId("x")), "unknown_sensor", "/power_sensor_id"),
        (replace(GOOD, site_meter_id=SensorId("x")), "unknown_sensor", "/site_meter_id"),
        (replace(GOOD, power_sensor_id=None), "required", "/power_sensor_id"),
    ],
)
async def test_what_cannot_be_said_of_a_device(terms: DeviceTerms, code: str, pointer: str) -> None:
    site = Site()
    await site.devices(1)
    with pytest.raises(InvalidError) as refused:
        await site.main.devices.put(terms, ME)
    assert (refused.value.code, refused.value.problems[0].pointer) == (code, pointer)


async def test_a_device_is_described_found_and_deleted() -> None:
    site = Site()
    device_id = await site.device("d0")
    device = await site.main.devices.get(device_id)
    again, is_new = await site.main.devices.put(device.terms, ME)
    assert (again, is_new) == (device, False)
    # Where nothing is said of its control, that stays.
    changed, _ = await site.main.devices.put(replace(device.terms, control=None, priority=3), ME)
    assert (changed.terms.control, changed.terms.priority) == (device.terms.control, 3)
    told = [one for one in site.database.audit if isinstance(one, (DrDeviceRegistered, DrDeviceChanged))]
    assert [type(one).__name__ for one in told] == ["DrDeviceRegistered", "DrDeviceChanged"]
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    with pytest.raises(ConflictError) as serves:
        await site.main.devices.delete(device_id, ME)
    assert serves.value.code == "device_is_serving"
    await site.main.events.cancel(event_id, ME)
    await site.main.step()
    await site.main.devices.delete(device_id, ME)
    for call in (
        site.main.devices.get(device_id),
        site.main.devices.delete(device_id, ME),
        site.main.flexibility.get(device_id),
    ):
        with pytest.raises(NotFoundError):
            await call


TIMEOUT = DeviceControlError("timeout", "no answer")


async def shed(site: Site, device_id: DeviceId) -> DrEventId:
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.answer(event_id, device_id)
    await site.main.step()
    return event_id


async def is_kept(site: Site, device_id: DeviceId) -> None:
    """Neither the device nor its control can go."""
    terms = (await site.main.devices.get(device_id)).terms
    for call in (
        site.main.devices.delete(device_id, ME),
        site.main.devices.put(replace(terms, control=Control()), ME),
    ):
        with pytest.raises(ConflictError) as refused:
            await call
        assert refused.value.code == "device_is_serving"
    # All else can be said of it: also where its commands go, since that may be what is wrong.
    await site.main.devices.put(replace(terms, priority=7, control=control("elsewhere")), ME)
    await site.main.devices.put(terms, ME)


async def can_go(site: Site, device_id: DeviceId) -> None:
    terms = (await site.main.devices.get(device_id)).terms
    changed, _ = await site.main.devices.put(replace(terms, control=Control()), ME)
    assert changed.terms.control == Control()
    await site.main.devices.delete(device_id, ME)


async def test_a_device_stays_until_its_turn_to_come_back() -> None:
    site = Site()
    devices = await site.devices(2)
    event_id = await site.event(after=timedelta(), randomize_start=HOUR)
    await site.opt_in(event_id)
    await site.main.step()
    await is_kept(site, devices[0])
    await site.main.events.cancel(event_id, ME)
    await site.main.step()
    (last,) = site.control.reduced
    await is_kept(site, last)
    await site.run(HOUR)
    assert site.control.reduced == {}
    await can_go(site, last)


async def test_a_device_stays_while_it_does_not_hear_that_it_may_come_back() -> None:
    site = Site()
    device_id = await site.device("d0")
    event_id = await shed(site, device_id)
    site.control.answers("d0", *[TIMEOUT] * 12)
    await site.main.events.cancel(event_id, ME)
    await site.main.step()
    await is_kept(site, device_id)
    await site.run(HOUR)
    assert (await site.told(event_id))[-1] == ("d0", "restore", "failed")
    await can_go(site, device_id)


async def test_a_device_that_may_have_heard_of_a_reduction_stays_until_it_was_told_to_come_back() -> None:
    site = Site()
    device_id = await site.device("d0")
    site.control.answers("d0", TIMEOUT, TIMEOUT, None)
    event_id = await shed(site, device_id)
    await site.answer(event_id, device_id, opt_in=False)
    await site.main.step()
    assert await site.told(event_id) == [("d0", "reduce", "superseded"), ("d0", "restore", "pending")]
    await is_kept(site, device_id)
    await site.run(A_MINUTE)
    assert (await site.told(event_id))[-1] == ("d0", "restore", "delivered")
    await can_go(site, device_id)


def polled(device_id: str, **terms: object) -> DeviceTerms:
    described = DeviceTerms(
        device_id=DeviceId(device_id),
        power_sensor_id=SensorId(f"{device_id}.power"),
        control=control(device_id),
    )
    return replace(described, **terms)  # type: ignore[arg-type]  # fields by name


async def test_polled_devices_take_part_by_themselves() -> None:
    site = Site()
    assert await site.main.polled([polled("a"), polled("b")]) == 2
    site.clock.advance(HOUR)
    assert await site.main.polled([polled("a"), polled("b")]) == 0
    device = await site.main.devices.get(DeviceId("a"))
    assert (device.origin, device.terms) == (ProfileOrigin.POLLER, polled("a"))
    assert await site.main.polled([polled("b", room_name=RoomName("r"))]) == 2
    assert not (await site.main.devices.get(DeviceId("a"))).terms.controllable
    assert (await site.main.devices.get(DeviceId("b"))).terms.room_name == "r"
    assert await site.main.polled([polled("a"), polled("b", room_name=RoomName("r"))]) == 1
    back = await site.main.devices.get(DeviceId("a"))
    assert back.terms == polled("a")
    assert back.created_at == device.created_at


async def test_what_a_client_said_of_a_polled_device_stands() -> None:
    site = Site()
    site.history.sensor("a.power")
    await site.main.polled([polled("a")])
    said, is_new = await site.main.devices.put(polled("a", control=None, max_reduction_kw=1.0), ME)
    assert (is_new, said.origin, said.control_origin) == (False, ProfileOrigin.API, ProfileOrigin.POLLER)
    # The control follows its configuration, the rest does not.
    moved = polled("a", room_name=RoomName("r"), control=control("elsewhere"))
    assert await site.main.polled([moved]) == 1
    found = await site.main.devices.get(DeviceId("a"))
    assert found.terms == polled("a", max_reduction_kw=1.0, control=control("elsewhere"))
    assert await site.main.polled([]) == 0
    # Once a client has said how it is controlled, that stands too.
    await site.main.devices.put(polled("a"), ME)
    assert await site.main.polled([moved]) == 0


async def test_a_device_without_control_is_switched_by_hand() -> None:
    site = Site()
    await site.device("d0", control=Control())
    event_id = await site.event(reduction(2.0), after=timedelta())
    await site.opt_in(event_id)
    await site.main.step()
    assert await site.told(event_id) == [("d0", "reduce", "manual")]
    site.control.reduced[DeviceId("d0")] = 2.0
    await site.run(HOUR)
    assert await site.told(event_id) == [("d0", "reduce", "manual"), ("d0", "restore", "manual")]
    assert site.control.orders == []
    (assignment,) = (await site.view(event_id)).assignments
    assert (assignment.following, assignment.shed_kw) == ("yes", 2.0)
