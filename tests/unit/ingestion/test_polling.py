from datetime import timedelta

import pytest

from domain.ingestion.errors import DeviceReadError
from domain.ingestion.events import DeviceStatusChanged
from domain.ingestion.model import DeviceId, DeviceStatus, SensorId
from domain.shared.errors import NotFoundError, UnavailableError
from domain.shared.time import to_microseconds
from tests.unit.ingestion.documents import device, parsed
from tests.unit.ingestion.fleet import Process

REFUSED = DeviceReadError("connection_refused", "nobody there")


async def test_what_a_device_gives_is_stored_in_one_batch() -> None:
    process = Process(device("A"), device("B"))
    process.reader.answers("A", {"power": 1}, {"power": "2"})
    process.reader.answers("B", {"power": 3})
    await process.fleet.renew()
    start = to_microseconds(process.clock.now())
    for name in ("A", "A", "B"):
        await process.poll(name)
    report = await process.save()
    assert (report.stored, report.waiting, report.available) == (3, 0, True)
    (batch,) = process.sink.batches
    assert [sensor.sensor_id for sensor in batch.registrations] == ["A.power", "B.power"]
    assert list(batch.sensor_ids) == ["A.power", "A.power", "B.power"]
    assert list(batch.times_us) == [start, start + 1_000_000, start + 2_000_000]
    assert list(batch.values) == [1.0, 2.0, 3.0]
    assert process.held("A").state.readings_stored == 2


async def test_null_stores_nothing_and_is_no_fault() -> None:
    process = Process(device())
    process.reader.answers("AC1", {"power": None})
    await process.fleet.renew()
    await process.poll()
    await process.save()
    assert process.sink.readings == []
    assert process.held().state.status is DeviceStatus.ONLINE


async def test_only_closed_windows_are_stored() -> None:
    process = Process(device(store={"type": "avg", "period": 10}))
    process.reader.answers("AC1", *({"power": number} for number in range(10)), {"power": 100})
    await process.fleet.renew()
    start = to_microseconds(process.clock.now())
    for _ in range(9):
        await process.poll()
        assert (await process.save()).stored == 0
    await process.poll()
    assert (await process.save()).stored == 1
    (reading,) = process.sink.readings
    assert (reading.time_us, reading.value) == (start, 4.5)
    assert process.sink.sensors[reading.sensor_id].resolution == timedelta(seconds=10)


async def test_a_window_of_a_device_that_died_is_closed_by_the_clock() -> None:
    process = Process(device(store={"type": "max", "period": 10}))
    process.reader.answers("AC1", {"power": 7}, REFUSED)
    await process.fleet.renew()
    await process.poll()
    process.clock.advance(timedelta(seconds=9))
    await process.poll()
    assert (await process.save()).stored == 1


async def test_values_outside_their_bounds_do_not_spoil_a_window() -> None:
    value = {"type": "power", "tag": "power", "max_value": 100}
    process = Process(
        device(values=[value], store={"type": "avg", "period": 10}), device("RAW", values=[value])
    )
    process.reader.answers("AC1", {"power": 50}, {"power": 1e9})
    process.reader.answers("RAW", {"power": 1e9})
    await process.fleet.renew()
    await process.poll()
    outcome = await process.poll()
    assert outcome.values[0].fault is not None
    assert outcome.values[0].fault.code == "out_of_range"
    assert process.held().state.status is DeviceStatus.DEGRADED
    await process.poll("RAW")
    process.clock.advance(timedelta(seconds=10))
    await process.save()
    # What is stored one by one is kept, since the store marks it as BAD.
    assert sorted(reading.value for reading in process.sink.readings) == [50.0, 1e9]


async def test_status_changes_are_events() -> None:
    process = Process(device())
    process.reader.answers("AC1", {"power": 1}, REFUSED, REFUSED, REFUSED, {"x": 1}, {"power": 1})
    await process.fleet.renew()
    for _ in range(6):
        await process.poll()
        await process.save()
    changes = [event for event in process.database.events if isinstance(event, DeviceStatusChanged)]
    assert [(one.previous.value, one.status.value, one.reason) for one in changes] == [
        ("unknown", "online", None),
        ("online", "degraded", "connection_refused"),
        ("degraded", "offline", "connection_refused"),
        ("offline", "degraded", "missing"),
        ("degraded", "online", None),
    ]
    assert all(one.device_id == "AC1" for one in changes)


async def test_nothing_is_saved_that_did_not_change() -> None:
    process = Process(device())
    await process.fleet.renew()
    await process.save()
    assert not process.held().changed
    await process.poll()
    assert process.held().changed
    await process.save()
    assert not process.held().changed


async def test_an_outage_of_storage_keeps_readings_and_polling() -> None:
    process = Process(device())
    process.reader.answers("AC1", *({"power": number} for number in range(130)))
    await process.fleet.renew()
    process.sink.unavailable = process.uow.unavailable = True
    for _ in range(130):
        await process.poll()
    report = await process.save()
    assert (report.available, report.waiting, report.dropped) == (False, 100, 30)
    with pytest.raises(UnavailableError):
        await process.fleet.renew()
    assert len(process.fleet) == 1
    process.sink.unavailable = process.uow.unavailable = False
    report = await process.save()
    assert (report.available, report.stored) == (True, 100)
    assert [reading.value for reading in process.sink.readings] == [float(n) for n in range(30, 130)]
    assert process.held().state.readings_stored == 100


async def test_states_and_events_wait_for_the_database_too() -> None:
    process = Process(device())
    process.reader.answers("AC1", {"power": 1})
    await process.fleet.renew()
    process.uow.unavailable = True
    await process.poll()
    assert not (await process.save()).available
    process.uow.unavailable = False
    await process.save()
    assert len(process.database.events) == 1


async def test_what_the_store_refuses_shows_beside_the_value() -> None:
    process = Process(device())
    process.reader.answers("AC1", {"power": 1})
    process.sink.refuse.add(SensorId("AC1.power"))
    await process.fleet.renew()
    await process.poll()
    await process.save()
    fault = process.held().state.last_values[0].fault
    assert fault is not None
    assert fault.code == "refused"
    assert process.held().state.readings_stored == 0
    process.sink.refuse.clear()
    await process.poll()
    await process.save()
    await process.poll()
    assert process.held().state.last_values[0].fault is None


async def test_a_device_whose_readings_are_refused_is_degraded() -> None:
    values = [{"type": "power", "tag": "power"}, {"type": "co2", "tag": "co2"}]
    process = Process(device(values=values))
    process.reader.answers("AC1", *[{"power": 1, "co2": 600}] * 3)
    process.sink.refuse.add(SensorId("AC1.co2"))
    await process.fleet.renew()
    for _ in range(2):
        await process.poll()
        await process.save()
    state = process.held().state
    assert state.last_error is not None
    assert (state.status, state.last_error.code) == (DeviceStatus.DEGRADED, "refused")
    assert (state.consecutive_failures, state.readings_stored) == (0, 2)
    process.sink.refuse.clear()
    await process.poll()
    assert process.held().state.status is DeviceStatus.DEGRADED
    await process.save()
    state = (await process.devices.get(DeviceId("AC1"))).state
    assert (state.status, state.last_error) == (DeviceStatus.ONLINE, None)
    assert all(value.fault is None for value in state.last_values)
    changes = [event for event in process.database.events if isinstance(event, DeviceStatusChanged)]
    assert [(one.status.value, one.reason) for one in changes] == [("degraded", "refused"), ("online", None)]


async def test_a_refused_window_says_nothing_over_a_device_that_is_silent() -> None:
    process = Process(device(store={"type": "max", "period": 10}))
    process.reader.answers("AC1", {"power": 7}, REFUSED, {"power": 8})
    process.sink.refuse.add(SensorId("AC1.power"))
    await process.fleet.renew()
    await process.poll()
    process.clock.advance(timedelta(seconds=9))
    await process.poll()
    await process.save()
    state = process.held().state
    assert state.last_error is not None
    assert (state.status, state.last_error.code) == (DeviceStatus.DEGRADED, "connection_refused")
    await process.poll()
    # It answers again; now what storage said of it counts.
    state = process.held().state
    assert state.last_error is not None
    assert (state.status, state.last_error.code) == (DeviceStatus.DEGRADED, "refused")


async def test_a_batch_that_breaks_the_store_does_not_block_for_ever() -> None:
    process = Process(device())
    process.reader.answers("AC1", {"power": 1})
    await process.fleet.renew()
    await process.poll()

    async def broken(batch: object) -> None:
        del batch
        raise ZeroDivisionError

    process.sink.write = broken  # type: ignore[method-assign,assignment]
    for _ in range(5):
        assert len(process.buffer) == 1
        with pytest.raises(ZeroDivisionError):
            await process.save()
    assert (len(process.buffer), process.buffer.dropped) == (0, 1)


async def test_a_fault_inside_is_a_failure_of_that_poll(caplog: pytest.LogCaptureFixture) -> None:
    process = Process(device())
    process.reader.answers("AC1", ZeroDivisionError())
    await process.fleet.renew()
    outcome = await process.poll()
    assert outcome.fault is not None
    assert outcome.fault.code == "internal"
    assert "AC1" in caplog.text


async def test_states_survive_a_restart() -> None:
    before = Process(device())
    before.reader.answers("AC1", REFUSED)
    await before.fleet.renew()
    for _ in range(3):
        await before.poll()
    await before.save()
    await before.fleet.release()
    after = Process(device(), database=before.database, name="two")
    await after.fleet.renew()
    state = after.held().state
    assert (state.status, state.consecutive_failures, state.polls) == (DeviceStatus.OFFLINE, 3, 3)
    await after.save()
    assert [type(event) for event in before.database.events] == [DeviceStatusChanged]


async def test_two_workers_never_poll_the_same_device() -> None:
    names = [f"device-{number}" for number in range(100)]
    one = Process(*map(device, names))
    two = Process(*map(device, names), database=one.database, name="two")
    await one.fleet.renew()
    assert len(one.fleet) == 100
    await two.fleet.renew()
    assert len(two.fleet) == 0
    change = await one.fleet.renew()
    assert len(change.stopped) == 100 - len(one.fleet)
    await two.fleet.renew()
    held = [{held.device.device_id for held in process.fleet} for process in (one, two)]
    assert not held[0] & held[1]
    assert held[0] | held[1] == set(names)
    assert all(len(some) > 25 for some in held)


async def test_a_worker_that_was_paused_saves_nothing_over_its_successor() -> None:
    old = Process(device())
    new = Process(device(), database=old.database, name="two")
    old.reader.answers("AC1", REFUSED)
    new.reader.answers("AC1", {"power": 1})
    await old.fleet.renew()
    await old.poll()
    new.clock.advance(timedelta(seconds=16))
    await new.fleet.renew()
    await new.poll()
    await new.save()
    await old.save()
    assert old.held().changed
    assert (await new.devices.get(DeviceId("AC1"))).state.status is DeviceStatus.ONLINE


async def test_a_changed_configuration_is_taken_over_with_the_state() -> None:
    process = Process(device("A"), device("B"), device("C"))
    process.reader.answers("A", {"power": 1})
    await process.fleet.renew()
    await process.poll("A")
    process.configuration.configuration = parsed(device("A", scale=2), device("B"), device("D"))
    untouched = process.held("B")
    change = await process.fleet.renew()
    assert (set(change.started), set(change.stopped)) == ({"A", "D"}, {"A", "C"})
    assert process.held("B") is untouched
    assert process.held("A").state.polls == 1
    await process.poll("A")
    await process.save()
    assert [reading.value for reading in process.sink.readings] == [1.0, 2.0]


async def test_poll_now_of_a_device_that_is_polled_here_counts() -> None:
    values = [{"type": "power", "tag": "power"}, {"type": "mode", "tag": "mode", "data": "STRING"}]
    process = Process(device(values=values))
    process.reader.answers("AC1", {"power": 4, "mode": "auto"})
    await process.fleet.renew()
    polled = await process.poll_now(DeviceId("AC1"))
    assert [(one.value.tag, one.value.value, one.value.unit, one.stored) for one in polled.values] == [
        ("power", 4.0, "W", True),
        ("mode", "auto", None, False),
    ]
    assert process.held().state.polls == 1
    assert len(process.sink.readings) == 1


async def test_poll_now_asks_what_the_configuration_says_now() -> None:
    process = Process(device(), device("Gone"))
    process.reader.answers("AC1", {"power": 4, "other": 5})
    await process.fleet.renew()
    process.configuration.configuration = parsed(device(values=[{"type": "power", "tag": "other"}]))
    polled = await process.poll_now(DeviceId("AC1"))
    assert [(one.value.tag, one.value.value) for one in polled.values] == [("other", 5.0)]
    with pytest.raises(NotFoundError):
        await process.poll_now(DeviceId("Gone"))


async def test_poll_now_elsewhere_stores_what_has_no_window() -> None:
    values = [
        {"type": "power", "tag": "power"},
        {"type": "co2", "tag": "co2", "store": {"type": "avg", "period": 60}},
    ]
    process = Process(device(values=values))
    process.reader.answers("AC1", {"power": 4, "co2": 600})
    polled = await process.poll_now(DeviceId("AC1"))
    assert [(one.value.value, one.stored) for one in polled.values] == [(4.0, True), (600.0, False)]
    assert [reading.sensor_id for reading in process.sink.readings] == ["AC1.power"]


async def test_poll_now_tells_the_fault() -> None:
    process = Process(device())
    polled = await process.poll_now(DeviceId("AC1"))
    assert polled.fault is not None
    assert (polled.fault.code, polled.values) == ("connection_refused", ())
    with pytest.raises(NotFoundError):
        await process.poll_now(DeviceId("nobody"))


async def test_devices_are_reported_in_pages() -> None:
    process = Process(*(device(f"D{number}") for number in range(5)))
    process.reader.answers("D3", {"power": 1})
    await process.fleet.renew()
    await process.poll("D3")
    await process.save()
    reports, total = await process.devices.page(2, 2)
    assert ([report.device.device_id for report in reports], total) == (["D2", "D3"], 5)
    assert [report.state.status.value for report in reports] == ["unknown", "online"]
    online, count = await process.devices.page(10, 0, DeviceStatus.ONLINE)
    assert ([report.device.device_id for report in online], count) == (["D3"], 1)
    assert dict(await process.devices.counts())[DeviceStatus.UNKNOWN] == 4
    with pytest.raises(NotFoundError):
        await process.devices.get(DeviceId("nobody"))
