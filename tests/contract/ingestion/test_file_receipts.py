from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.ingestion.files import ChunkNote, FileReceipt, RejectedLine
from domain.ingestion.ports import IngestionUnitOfWork
from tests.contract.ingestion.meter_files import NOW, added, claimed, kept, new_file, note, noted

counts = st.integers(0, 10**9)
hours = st.none() | st.integers(0, 10**5)


@st.composite
def notes(draw: st.DrawFn) -> list[ChunkNote]:
    return [
        replace(
            note(
                number,
                rejected=[
                    RejectedLine(line, "x", "not_a_number", "no")
                    for line in draw(st.lists(st.integers(1, 99), max_size=3))
                ],
            ),
            lines=draw(counts),
            receipt=draw(
                st.builds(
                    FileReceipt,
                    received=counts,
                    created=counts,
                    updated=counts,
                    unchanged=counts,
                    rejected=counts,
                )
            ),
            first_time=None if (first := draw(hours)) is None else NOW + timedelta(hours=first),
            last_time=None if (last := draw(hours)) is None else NOW + timedelta(hours=last),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(notes(), max_size=3))
async def test_receipts_add_up(uow: IngestionUnitOfWork, parts: list[list[ChunkNote]]) -> None:
    folder = new_file("/x").file_id.hex
    files = [new_file(f"/{folder}/{number}.csv") for number in range(len(parts))]
    async with uow.begin() as tx:
        before = await tx.files.totals()
    await added(uow, *files)
    for file, its in zip(files, parts, strict=True):
        held = await claimed(uow, file)
        for one in its:
            await noted(uow, held, one, one)
        now = await kept(uow, file)
        assert now.receipt == sum((one.receipt for one in its), FileReceipt())
        assert (now.chunks, now.lines) == (len(its), sum(one.lines for one in its))
        assert now.offset == (its[-1].end_offset if its else 0)
        assert now.first_time == min((one.first_time for one in its if one.first_time), default=None)
        assert now.last_time == max((one.last_time for one in its if one.last_time), default=None)
        async with uow.begin() as tx:
            assert (await tx.files.rejects(file.file_id, 1, 0))[1] == sum(len(one.rejected) for one in its)
    every = [one for its in parts for one in its]
    async with uow.begin() as tx:
        totals = await tx.files.totals()
        whole = await tx.files.collection(files[0].collection) if files else None
    assert totals.receipt == sum((one.receipt for one in every), before.receipt)
    if whole is not None:
        assert whole.readings == sum(one.receipt.stored for one in every)
        assert whole.first_time == min((one.first_time for one in every if one.first_time), default=None)
        assert whole.last_time == max((one.last_time for one in every if one.last_time), default=None)
