import asyncio
import logging

import pytest

from adapters.memory.configurations import MemoryWatchedFile
from domain.ingestion.configurations import EMPTY_DOCUMENT, ConfigurationOrigin
from domain.shared.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from domain.shared.events import SYSTEM, Actor
from tests.unit.ingestion.configurations import Setting, text_of

ADMIN = Actor("admin")
FILE, API, RESTORE = ConfigurationOrigin.FILE, ConfigurationOrigin.API, ConfigurationOrigin.RESTORE


async def test_without_a_file_and_a_version_there_are_no_devices() -> None:
    setting = Setting()
    assert await setting.devices() == []
    assert await setting.configurations.get() == (0, EMPTY_DOCUMENT)
    assert await setting.configurations.versions(10, 0) == ([], 0)
    assert not setting.configurations.has_file


async def test_a_file_becomes_a_version_once() -> None:
    setting = Setting(text_of("A"))
    assert await setting.devices() == ["A"]
    assert await setting.devices() == ["A"]
    (version,), total = await setting.configurations.versions(10, 0)
    assert total == 1
    assert (version.version, version.origin, version.devices, version.created_by) == (1, FILE, 1, SYSTEM)
    (change,) = setting.changes
    assert (change.version, change.origin, change.added, change.changed, change.removed) == (
        1,
        "file",
        ("A",),
        (),
        (),
    )


async def test_the_document_comes_back_as_it_was_written() -> None:
    setting = Setting()
    text = text_of("B", "A").replace('"monitoring_period": 1', '"monitoring_period" : 1.50e0')
    await setting.configurations.replace(text, ADMIN)
    assert await setting.configurations.get() == (1, text)


async def test_the_api_wins_over_the_file_until_the_file_changes() -> None:
    setting = Setting(text_of("A"))
    await setting.devices()
    change = await setting.configurations.replace(text_of("B"), ADMIN)
    assert (change.about.version, change.about.origin, change.about.created_by) == (2, API, ADMIN)
    assert (change.difference.added, change.difference.removed) == (("B",), ("A",))
    assert await setting.devices() == ["B"]
    # Written anew, moved in white space: no change.
    setting.file.write(text_of("A").replace("\n", " "))
    assert await setting.devices() == ["B"]
    setting.file.write(text_of("A", "C"))
    assert await setting.devices() == ["A", "C"]
    assert await setting.origins() == [FILE, API, FILE]


async def test_a_restart_leaves_in_force_what_came_over_the_api() -> None:
    first = Setting(text_of("A"))
    await first.devices()
    await first.configurations.replace(text_of("B"), ADMIN)
    again = Setting(text_of("A"), first.database)
    assert await again.devices() == ["B"]
    assert len(again.changes) == 2
    # Changed while nothing ran.
    later = Setting(text_of("C"), first.database)
    assert await later.devices() == ["C"]
    # And back to what an earlier version of the file said: that is a change too.
    back = Setting(text_of("A"), first.database)
    assert await back.devices() == ["A"]
    assert await back.origins() == [FILE, API, FILE, FILE]


async def test_two_processes_that_see_a_change_at_once_make_one_version() -> None:
    file = MemoryWatchedFile(text_of("A"))
    one = Setting(file)
    two = Setting(file, one.database)
    for names in ("A", "B", "C"):
        file.write(text_of(names))
        found = await asyncio.gather(one.devices(), two.devices(), one.devices(), two.devices())
        assert list(found) == [[names]] * 4
    assert await one.origins() == [FILE] * 3


async def test_a_faulty_file_changes_nothing_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    setting = Setting(text_of("A"))
    await setting.devices()
    setting.file.write(text_of("A", "A"))
    with caplog.at_level(logging.WARNING):
        assert await setting.devices() == ["A"]
        assert await setting.devices() == ["A"]
    (record,) = caplog.records
    assert "/resources/iots/1/name" in record.getMessage()
    fault = setting.configurations.file_fault()
    assert fault is not None
    assert [one.code for one in fault.problems] == ["duplicate_device", "duplicate_sensor"]
    for text, code in (("{", "not_json"), (None, "file_missing")):
        setting.file.write(text)
        assert await setting.devices() == ["A"]
        fault = setting.configurations.file_fault()
        assert fault is not None
        assert [one.code for one in fault.problems] == [code]
    setting.file.write(text_of("A"))
    assert await setting.devices() == ["A"]
    assert setting.configurations.file_fault() is None
    assert len(setting.changes) == 1


async def test_a_faulty_file_stops_only_a_first_start() -> None:
    first = Setting("[]")
    with pytest.raises(InvalidError) as refused:
        await first.configurations.load()
    assert [one.pointer for one in refused.value.problems] == [""]
    # But not those who would put something else in its place.
    assert (await first.configurations.get())[0] == 0
    await first.configurations.replace(text_of("B"), ADMIN)
    assert await first.devices() == ["B"]
    assert await Setting("[]", first.database).devices() == ["B"]


async def test_a_change_of_the_file_waits_for_the_database() -> None:
    setting = Setting(text_of("A"))
    await setting.devices()
    setting.file.write(text_of("B"))
    setting.uow.unavailable = True
    with pytest.raises(UnavailableError):
        await setting.devices()
    setting.uow.unavailable = False
    assert await setting.devices() == ["B"]


async def test_replacing_says_every_fault_and_changes_nothing() -> None:
    setting = Setting()
    with pytest.raises(InvalidError) as refused:
        await setting.configurations.replace(text_of("A", "A", perid=1, uri="x"), ADMIN)
    assert {(one.pointer, one.code) for one in refused.value.problems} == {
        ("/resources/iots/0/perid", "unknown_field"),
        ("/resources/iots/0/uri", "invalid_uri"),
        ("/resources/iots/1/perid", "unknown_field"),
        ("/resources/iots/1/uri", "invalid_uri"),
        ("/resources/iots/1/name", "duplicate_device"),
        ("/resources/iots/1/values/0/type", "duplicate_sensor"),
    }
    assert await setting.origins() == []
    assert not setting.database.events


async def test_the_same_again_makes_no_version() -> None:
    setting = Setting()
    await setting.configurations.replace(text_of("A"), ADMIN)
    again = await setting.configurations.replace(text_of("A").replace("\n", ""), ADMIN)
    assert again.about.version == 1
    assert again.difference.added == ()
    assert len(setting.changes) == 1


async def test_who_expects_another_version_is_refused() -> None:
    setting = Setting()
    await setting.configurations.replace(text_of("A"), ADMIN, expected=[0])
    await setting.configurations.replace(text_of("B"), ADMIN, expected=[1])
    with pytest.raises(ConflictError) as refused:
        await setting.configurations.replace(text_of("C"), ADMIN, expected=[1])
    assert refused.value.code == "concurrent_change"
    assert await setting.devices() == ["B"]
    both = await asyncio.gather(
        *(setting.configurations.replace(text_of(name), ADMIN, expected=[2]) for name in ("C", "D")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in both) == ["ConfigurationChange", "ConflictError"]


async def test_many_at_once_each_make_their_version() -> None:
    one = Setting()
    two = Setting(database=one.database)
    names = [f"D{number}" for number in range(6)]
    changes = await asyncio.gather(
        *((one, two)[n % 2].configurations.replace(text_of(name), ADMIN) for n, name in enumerate(names))
    )
    assert sorted(change.about.version for change in changes) == [1, 2, 3, 4, 5, 6]
    assert await one.devices() == await two.devices()
    # Each event says what changed against the version right before.
    for earlier, later in zip(one.changes, one.changes[1:], strict=False):
        assert later.version == earlier.version + 1
        assert later.removed == earlier.added


async def test_an_earlier_version_is_restored() -> None:
    setting = Setting(text_of("A"))
    await setting.devices()
    await setting.configurations.replace(text_of("A", "B", room="Lab"), ADMIN)
    change = await setting.configurations.restore(1, ADMIN)
    assert (change.about.version, change.about.origin, change.about.restored_from) == (3, RESTORE, 1)
    assert (change.difference.changed, change.difference.removed) == (("A",), ("B",))
    assert await setting.devices() == ["A"]
    assert (await setting.configurations.restore(3, ADMIN)).about.version == 3
    for missing in (0, 4, -1, 2**31, 2**80):
        with pytest.raises(NotFoundError) as unknown:
            await setting.configurations.restore(missing, ADMIN)
        assert unknown.value.code == "unknown_version"


async def test_the_file_is_reloaded_though_it_has_not_changed() -> None:
    setting = Setting(text_of("A"))
    await setting.devices()
    await setting.configurations.replace(text_of("B"), ADMIN)
    change = await setting.configurations.reload(ADMIN)
    assert (change.about.version, change.about.origin, change.about.created_by) == (3, FILE, ADMIN)
    assert await setting.devices() == ["A"]
    assert (await setting.configurations.reload(ADMIN)).about.version == 3
    setting.file.write("{}")
    with pytest.raises(InvalidError) as refused:
        await setting.configurations.reload(ADMIN)
    assert [one.pointer for one in refused.value.problems] == ["/resources"]
    assert await setting.devices() == ["A"]
    with pytest.raises(ConflictError) as none:
        await Setting().configurations.reload(ADMIN)
    assert none.value.code == "no_file"


async def test_a_check_says_what_would_come_of_it() -> None:
    setting = Setting()
    await setting.configurations.replace(text_of("A", "B"), ADMIN)
    check = await setting.configurations.validate(text_of("B", "C", room="Lab"))
    assert (check.problems, check.devices, check.sensors) == ((), 2, 2)
    found = check.difference
    assert (found.added, found.changed, found.removed) == (("C",), ("B",), ("A",))
    faulty = await setting.configurations.validate(text_of("A", perid=1))
    assert [one.pointer for one in faulty.problems] == ["/resources/iots/0/perid"]
    assert await setting.devices() == ["A", "B"]
    assert len(setting.changes) == 1


async def test_hosts_are_faults_over_the_api_and_warnings_in_the_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    setting = Setting(text_of("A"))
    setting.hosts.refused.add("192.0.2.7")
    assert await setting.devices() == ["A"]
    assert "/resources/iots/0/uri" in caplog.text
    urls = {"reduce": {"url": "http://192.0.2.7/"}, "restore": {"uri": "http://192.0.2.8/"}}
    with pytest.raises(InvalidError) as refused:
        await setting.configurations.replace(text_of("A", control={"http": urls}, perid=1), ADMIN)
    assert [(one.pointer, one.code) for one in refused.value.problems] == [
        ("/resources/iots/0/perid", "unknown_field"),
        ("/resources/iots/0/uri", "host_not_allowed"),
        ("/resources/iots/0/control/http/reduce/url", "host_not_allowed"),
    ]
    await setting.configurations.replace(text_of("A", uri="http://192.0.2.8/"), ADMIN)
    # What was in force once may come back, and says that it is not polled.
    restored = await setting.configurations.restore(1, ADMIN)
    assert [one.pointer for one in restored.warnings] == ["/resources/iots/0/uri"]


async def test_a_look_at_another_file_changes_nothing() -> None:
    service = Setting(text_of("A"))
    await service.devices()
    await service.configurations.replace(text_of("B"), ADMIN)
    assert await Setting(text_of("A"), service.database, records=False).devices() == ["B"]
    assert await Setting(text_of("X"), service.database, records=False).devices() == ["X"]
    with pytest.raises(InvalidError):
        await Setting("[]", service.database, records=False).devices()
    assert await service.devices() == ["B"]
    assert len(service.changes) == 2
