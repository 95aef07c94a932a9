"""A real meter's 19,417 hours in local time, as three makes of data loggers write them, read over FTP."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path

import pytest

from tests.databases import MigratedDatabase
from tests.integration.ingestion.files import real_meter
from tests.integration.ingestion.files.real_meter import CHICAGO, HOUR, METER
from tests.integration.ingestion.files.site import Site, environment_of, site
from tests.integration.ingestion.files.stored import Stored
from tests.integration.ingestion.ftp.world import FolderServer, serving

LONG_AGO = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LATER = LONG_AGO + timedelta(days=1)
LACKING = 30
"""Hours that the last file gets later."""


async def test_sums_equal_the_source_and_only_what_is_new_is_read(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    hours, folder, stored = real_meter.hours(), tmp_path / "site", Stored(migrated.owner_url)
    written = real_meter.write(folder, hours[:-LACKING], LONG_AGO)
    assert len(written) == 80
    server = FolderServer(folder)
    # The hours are years old: nothing of them may go while they are looked at.
    async with (
        serving(server) as account,
        site(environment_of(account, database_url, tmp_path, RETENTION_DAYS="0")) as here,
    ):
        first = await here.scan()
        assert (first["status"], first["error"]) == ("completed", None)
        assert (first["files_seen"], first["files_done"], first["files_skipped"]) == (80, 80, 0)
        assert (
            first["bytes_done"]
            == first["bytes_total"]
            == sum((folder / one.path[1:]).stat().st_size for one in written)
        )
        files = await here.files()
        assert sum(len(one.impossible) for one in written) == 2
        for one in written:
            file, bad = files[one.path], len(one.impossible)
            assert file["status"] == ("partial" if bad else "processed"), file
            assert file["receipt"] == {
                "received": one.hours + bad,
                "created": one.hours,
                "updated": 0,
                "unchanged": 0,
                "rejected": bad,
            }
            assert await here.rejects(file) == [
                (line, "nonexistent_local_time", text) for line, text in one.impossible.items()
            ]
        assert await stored.values(METER) == {one.start: float(one.value) for one in hours[:-LACKING]}

        server.asked.clear()
        second = await here.scan()
        assert (second["files_done"], second["files_skipped"], second["bytes_total"]) == (0, 80, 0)
        assert downloads(server) == []

        grown = real_meter.write(tmp_path / "again", hours, LATER)[-1]
        last = folder / grown.path[1:]
        (tmp_path / "again" / grown.path[1:]).replace(last)
        third = await here.scan()
        assert (third["files_done"], third["files_skipped"]) == (1, 79)
        assert downloads(server) == [last.name]
        file = await here.file(grown.path)
        assert (file["generation"], file["receipt"]) == (
            2,
            {
                "received": grown.hours,
                "created": LACKING,
                "updated": 0,
                "unchanged": grown.hours - LACKING,
                "rejected": 0,
            },
        )
        assert await stored.values(METER) == {one.start: float(one.value) for one in hours}
        await sums_are_exact(here, hours)
        collections = (await here("GET", "/ingestion/collections"))["items"]
        assert [one["name"] for one in collections] == ["2015", "2016", "2017", "2018"]
        assert sum(one["readings"] for one in collections) == len(hours)
        assert {tuple(one["sensors"]) for one in collections} == {(METER,)}
        assert await stored.revisions() == 0


def downloads(server: FolderServer) -> list[str]:
    return [line.rpartition("/")[2] for line in server.asked if line.startswith("RETR")]


async def sums_are_exact(here: Site, hours: list[real_meter.Hour]) -> None:
    """Look at the energy of each day and of all, against sums that know nothing of the product."""
    days: dict[str, list[float]] = defaultdict(list)
    for hour in hours:
        days[hour.local.date().isoformat()].append(float(hour.value))
    asked = {
        "start": hours[0].start.isoformat(),
        "end": (hours[-1].start + HOUR).isoformat(),
        "timezone": CHICAGO.key,
    }
    answer = await here("GET", f"/sensors/{METER}/data", params={**asked, "resolution": "P1D"})
    found = {one["start"][:10]: one for one in answer["buckets"]}
    assert found.keys() == days.keys()
    for day, values in days.items():
        assert found[day]["energy"] == pytest.approx(fsum(values), rel=0, abs=1e-9), day
        assert found[day]["actual"] == len(values)
    assert {len(values) for values in days.values()} == {1, 23, 24, 25}
    whole = await here("GET", "/analytics/energy", params={**asked, "resolution": "P1Y"})
    energy = fsum(one["energy_kwh"] for one in whole["series"][0]["buckets"])
    assert energy == pytest.approx(fsum(float(one.value) for one in hours), rel=0, abs=1e-9)
