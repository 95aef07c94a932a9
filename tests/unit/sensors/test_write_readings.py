"""Writing readings, from a submission to its receipt."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.sensors.model import Receipt, SensorId, Source
from domain.sensors.services.checking import Submission
from domain.sensors.services.rules import Rule
from domain.shared.errors import ConflictError, InvalidError
from tests.unit.sensors.samples import ME, NOW_US, SECOND_US, World, definition, world

A, B = Source("a"), Source("b")


def submission(rows: list[tuple[str, int, float]]) -> Submission:
    return Submission(
        sensor_ids=[row[0] for row in rows],
        times_us=[NOW_US - row[1] * SECOND_US for row in rows],
        values=[row[2] for row in rows],
    )


async def of_sensors(*names: str) -> World:
    found = world()
    for name in names:
        await found.sensors.create(definition(name), ME)
    return found


def counts(receipt: Receipt) -> tuple[int, int, int, int, int]:
    return receipt.received, receipt.created, receipt.updated, receipt.unchanged, receipt.rejected


_CALLS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.sampled_from(["x", "y", "nobody"]),
                st.integers(-400, 6),
                st.sampled_from([1.0, 2.0, float("nan")]),
            ),
            max_size=10,
        ),
        st.sampled_from([A, B]),
    ),
    max_size=5,
)


@given(calls=_CALLS)
@settings(deadline=None, max_examples=60)
def test_receipts_add_up_and_a_dry_run_tells_the_truth(
    calls: list[tuple[list[tuple[str, int, float]], Source]],
) -> None:
    async def run() -> None:
        w = await of_sensors("x", "y")
        for rows, source in calls:
            sent = submission(rows)
            foretold = await w.write.write(sent, source, dry_run=True)
            receipt = await w.write.write(sent, source)
            assert replace(foretold, receipt_id=receipt.receipt_id) == receipt
            assert receipt.received == len(rows) == sum(counts(receipt)[1:])
            assert [one.index for one in receipt.errors] == sorted(one.index for one in receipt.errors)
            again = await w.write.write(sent, source)
            assert (again.created, again.updated, again.rejected) == (0, 0, receipt.rejected)

    asyncio.run(run())


async def test_atomic_stores_all_or_nothing() -> None:
    w = await of_sensors("x")
    rows = [("x", 1, 1.0), ("nobody", 1, 1.0)]
    with pytest.raises(InvalidError) as refused:
        await w.write.write(submission(rows), A, atomic=True)
    assert [(one.pointer, one.code) for one in refused.value.problems] == [("/readings/1", "unknown_sensor")]
    page = await w.read.page(SensorId("x"), start=None, end=None, after=None, limit=10)
    assert not page.readings
    assert (await w.read.rejections(None, 10, 0))[1] == 0
    assert (await w.write.write(submission(rows[:1]), A, atomic=True)).created == 1


async def test_fifty_thousand_in_one_call() -> None:
    w = await of_sensors(*(f"s{n}" for n in range(50)))
    rows = [(f"s{n % 50}", n // 50, float(n)) for n in range(50_000)]
    assert counts(await w.write.write(submission(rows), A)) == (50_000, 50_000, 0, 0, 0)
    assert counts(await w.write.write(submission(rows), A)) == (50_000, 0, 0, 50_000, 0)


async def test_a_sensor_that_was_changed_meanwhile_is_checked_anew() -> None:
    w = await of_sensors("x", "y")
    await w.write.write(submission([("x", 5, 1.0), ("y", 5, 1.0)]), A)
    async with w.uow.begin() as tx:  # as another process would, whose change this one has not heard of
        sensor = (await tx.sensors.find([SensorId("x")]))[SensorId("x")]
        stricter = replace(sensor.definition, max_value=0.5)
        await tx.sensors.replace(replace(sensor, version=2, definition=stricter))
    assert counts(await w.write.write(submission([("x", 1, 1.0), ("y", 1, 1.0)]), A)) == (2, 2, 0, 0, 0)
    page = await w.read.page(SensorId("x"), start=None, end=None, after=None, limit=10)
    assert [one.quality for one in page.readings] == ["OK", "BAD"]


async def test_a_sensor_that_was_deleted_meanwhile_is_unknown() -> None:
    w = await of_sensors("x", "y")
    await w.write.write(submission([("x", 5, 1.0)]), A)
    async with w.uow.begin() as tx:
        sensor = (await tx.sensors.find([SensorId("x")]))[SensorId("x")]
        await tx.sensors.delete(sensor.key)
        await tx.readings.delete(sensor.key)
    assert counts(await w.write.write(submission([("x", 1, 1.0), ("y", 1, 1.0)]), A)) == (2, 1, 0, 0, 1)


async def test_sensors_that_change_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    w = await of_sensors("x")
    sensor = (await w.catalog.resolve(["x"]))["x"]
    outdated = replace(sensor, version=0)

    async def rules(_: object) -> object:
        return {"x": Rule.of(outdated)}

    monkeypatch.setattr(w.catalog, "rules", rules)
    with pytest.raises(ConflictError) as refused:
        await w.write.write(submission([("x", 1, 1.0)]), A)
    assert refused.value.code == "concurrent_change"
