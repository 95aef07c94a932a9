"""What a device draws by itself is not what its meter shows while it sheds."""

import json
from datetime import timedelta

import pytest

from domain.demand_response.errors import DeviceControlError
from domain.demand_response.model import DrEventId
from tests.unit.demand_response.site import A_MINUTE, HOUR, ME, SECOND, Site, reduction

NOW = timedelta()
TIMEOUT = DeviceControlError("timeout", "no answer")


async def planned(
    site: Site, kw: float, after: timedelta = NOW, duration: timedelta = HOUR, priority: int | None = None
) -> DrEventId:
    event_id = await site.event(reduction(kw), after=after, duration=duration, priority=priority)
    await site.main.step()
    await site.opt_in(event_id)
    await site.main.step()
    return event_id


def told(site: Site) -> list[tuple[float, float] | str]:
    """What devices were told, in order: to shed (how much, what to stay at), or to come back."""
    bodies = [one.request.body for one in site.control.orders]
    said = [None if body is None else json.loads(body.text) for body in bodies]
    return ["restore" if one is None else (one["kw"], one["to"]) for one in said]


async def before(site: Site, event_id: DrEventId) -> list[float | None]:
    return [one.power_before_kw for one in (await site.view(event_id)).assignments]


async def test_from_one_event_straight_into_the_next() -> None:
    site = Site()
    await site.device("d0", 1.0, min_power_kw=0.0)
    await planned(site, 0.5, duration=5 * A_MINUTE)
    second = await planned(site, 0.5, after=5 * A_MINUTE)
    await site.run(10 * A_MINUTE)
    assert told(site) == [(0.5, 0.5), (0.5, 0.5)]
    assert await before(site, second) == [1.0]
    (assignment,) = (await site.view(second)).assignments
    assert (assignment.following, assignment.shed_kw) == ("yes", 0.5)


@pytest.mark.parametrize(
    ("load", "low_kw", "high_kw", "target_kw"), [(1.0, 0.3, 0.6, 0.7), (1.5, 0.5, 1.0, 1.0)]
)
async def test_a_lower_event_goes_on_with_the_device(
    load: float, low_kw: float, high_kw: float, target_kw: float
) -> None:
    site = Site()
    await site.device("d0", load, min_power_kw=0.0)
    low = await planned(site, low_kw, priority=5)
    await site.run(5 * A_MINUTE)
    await planned(site, high_kw, duration=5 * A_MINUTE, priority=1)
    await site.run(6 * A_MINUTE)
    assert told(site)[-1] == (low_kw, target_kw)
    assert "restore" not in told(site)
    assert await before(site, low) == [load, load]


async def test_a_lower_event_goes_on_also_where_the_higher_one_took_all() -> None:
    site = Site()
    await site.device("d0", 1.0, min_power_kw=0.0)
    low = await planned(site, 0.5, priority=5)
    await site.run(5 * A_MINUTE)
    await planned(site, 1.0, duration=5 * A_MINUTE, priority=1)
    await site.run(6 * A_MINUTE)
    assert told(site) == [(0.5, 0.5), (1.0, 0.0), (0.5, 0.5)]
    assert [one.is_serving for one in (await site.view(low)).assignments] == [False, True]


@pytest.mark.parametrize(
    ("ramp", "minutes", "unshed"), [(0.0, 0, 3.0), (0.0, 1, 3.5), (180.0, 3, 3.0), (180.0, 4, 3.5)]
)
async def test_a_reading_counts_once_the_device_is_back(ramp: float, minutes: int, unshed: float) -> None:
    site = Site()
    device_id = await site.device("d0", 3.0, ramp_seconds=ramp)
    first = await planned(site, 2.0)
    await site.run(10 * A_MINUTE)
    await site.main.events.cancel(first, ME)
    await site.main.step()
    assert told(site) == [(2.0, 1.0), "restore"]
    site.loads[device_id] = 3.5
    site.elapse(minutes * A_MINUTE)
    site.clock.advance(SECOND)
    assert (await site.main.flexibility.get(device_id)).free_kw == unshed - 0.5
    second = await planned(site, 2.0)
    assert (await before(site, second), told(site)[-1]) == ([unshed], (2.0, unshed - 2.0))


async def test_a_device_that_has_not_heard_that_it_may_come_back_still_sheds() -> None:
    site = Site()
    device_id = await site.device("d0", 3.0)
    first = await planned(site, 2.0)
    await site.run(10 * A_MINUTE)
    site.control.answers("d0", *[TIMEOUT] * 12)
    await site.main.events.cancel(first, ME)
    await site.run(5 * A_MINUTE)
    assert (await site.told(first))[-1] == ("d0", "restore", "pending")
    assert (await site.main.flexibility.get(device_id)).free_kw == 2.5
    await site.run(HOUR)
    assert (await site.told(first))[-1] == ("d0", "restore", "failed")
    assert (await site.main.flexibility.get(device_id)).free_kw == 2.5


async def test_what_a_device_drew_before_says_nothing_once_its_meter_is_silent() -> None:
    site = Site()
    device_id = await site.device("d0", 3.0)
    first = await planned(site, 2.0)
    await site.run(A_MINUTE)
    await site.main.events.cancel(first, ME)
    await site.main.step()
    del site.loads[device_id]
    await site.run(HOUR)
    second = await site.event(after=NOW)
    await site.opt_in(second)
    await site.main.step()
    assert await before(site, second) == [None]
