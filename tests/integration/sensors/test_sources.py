import pytest

from adapters.timescale import sources
from adapters.timescale.database import Database
from adapters.timescale.sources import Sources
from domain.sensors.model import Source

NAMES = [Source(f"ftp:/{number}.csv") for number in range(9)]


async def test_a_source_keeps_its_key_however_many_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_KEPT", 3)
    kept, other = Sources(database), Sources(database)
    keys: dict[str, int] = {}
    for name in NAMES:
        keys |= await kept.keys([name, NAMES[0]])
        assert len(kept._keys) <= 4
    assert len(set(keys.values())) == len(NAMES)
    assert await other.keys(NAMES) == keys == await kept.keys(NAMES)
    assert await kept.names(list(keys.values())) == {key: name for name, key in keys.items()}
    assert await Sources(database).names([keys[NAMES[4]]]) == {keys[NAMES[4]]: NAMES[4]}


async def test_asking_for_a_source_makes_none(database: Database) -> None:
    kept = Sources(database)
    assert await kept.known(NAMES[:1]) == {NAMES[0]: 0}
    (key,) = (await Sources(database).keys(NAMES[:1])).values()
    assert await kept.known(NAMES[:2]) == {NAMES[0]: key, NAMES[1]: 0}
    async with database.transaction("sensors") as session:
        assert await session.driver.fetchval("SELECT count(*) FROM sensors.sources") == 1
