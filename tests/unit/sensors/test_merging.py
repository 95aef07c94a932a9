from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from domain.sensors.model import Outcome, ReadingBatch, SensorKey, SensorRun, Source
from domain.sensors.services.merging import Spans, merged, stored_rows

Rows = dict[tuple[int, int], float]
A, B = Source("a"), Source("b")


def batch_of(rows: Rows, source: Source = A, version: int = 1) -> ReadingBatch:
    ordered = sorted(rows)
    runs: list[SensorRun] = []
    for key in sorted({key for key, _ in ordered}):
        places = [place for place, one in enumerate(ordered) if one[0] == key]
        runs.append(SensorRun(SensorKey(key), version, source, places[0], places[-1] + 1))
    return ReadingBatch(
        runs=runs,
        times_us=array("q", [time for _, time in ordered]),
        values=array("d", [rows[one] for one in ordered]),
        qualities=array("b", [int(rows[one]) % 3 for one in ordered]),
    )


def rows_of(batch: ReadingBatch) -> list[tuple[int, int, int, str, float, int]]:
    return [
        (run.key, batch.times_us[row], run.version, run.source, batch.values[row], batch.qualities[row])
        for run in batch.runs
        for row in range(run.start, run.stop)
    ]


_ROWS = st.dictionaries(st.tuples(st.integers(1, 4), st.integers(0, 12)), st.floats(0, 99), max_size=8)
_BATCHES = st.lists(st.tuples(_ROWS, st.sampled_from([A, B]), st.integers(1, 2)), min_size=1, max_size=6)


def _without_overlap(sent: Sequence[tuple[Rows, Source, int]]) -> list[ReadingBatch]:
    spans, batches = Spans(), []
    for rows, source, version in sent:
        batch = batch_of(rows, source, version)
        if not spans.overlap(batch):
            spans.add(batch)
            batches.append(batch)
    return batches


@given(sent=_BATCHES)
def test_a_merged_batch_holds_all_rows_in_order(sent: list[tuple[Rows, Source, int]]) -> None:
    batches = _without_overlap(sent)
    whole = merged(batches).batch
    assert rows_of(whole) == sorted(row for batch in batches for row in rows_of(batch))
    assert sum(run.stop - run.start for run in whole.runs) == len(whole)
    assert all(run.start < run.stop for run in whole.runs)


@given(sent=_BATCHES, data=st.data())
def test_every_batch_gets_the_outcomes_of_its_own_rows(
    sent: list[tuple[Rows, Source, int]], data: st.DataObject
) -> None:
    batches = _without_overlap(sent)
    whole = merged(batches)
    size = len(whole.batch)
    outcomes = bytes(data.draw(st.lists(st.sampled_from(Outcome), min_size=size, max_size=size)))
    by_row = dict(zip([row[:2] for row in rows_of(whole.batch)], outcomes, strict=True))
    expected = [bytes(by_row[row[:2]] for row in rows_of(batch)) for batch in batches]
    assert whole.outcomes_of_parts(outcomes) == expected


@given(sent=_BATCHES)
def test_batches_that_share_a_sensor_and_time_are_never_missed(sent: list[tuple[Rows, Source, int]]) -> None:
    spans, taken = Spans(), set[tuple[int, int]]()
    for rows, source, version in sent:
        batch = batch_of(rows, source, version)
        if taken & rows.keys():
            assert spans.overlap(batch)
        spans.add(batch)
        taken |= rows.keys()


def test_batches_of_other_sensors_or_times_do_not_overlap() -> None:
    spans = Spans()
    spans.add(batch_of({(1, 5): 1.0, (2, 9): 1.0}))
    assert not spans.overlap(batch_of({(1, 9): 1.0, (2, 5): 1.0, (3, 5): 1.0}))
    assert not spans.overlap(batch_of({(1, 10): 1.0}))
    assert not spans.overlap(batch_of({}))


def test_what_one_source_sent_of_one_sensor_becomes_one_run() -> None:
    whole = merged([batch_of({(1, time): 1.0, (2, time): 2.0}) for time in range(8)]).batch
    assert [(run.key, run.stop - run.start) for run in whole.runs] == [(1, 8), (2, 8)]


@given(rows=_ROWS, data=st.data())
def test_stored_rows_are_those_that_were_created_or_updated(rows: Rows, data: st.DataObject) -> None:
    batch = batch_of(rows)
    outcomes = bytes(data.draw(st.lists(st.sampled_from(Outcome), min_size=len(batch), max_size=len(batch))))
    kept = [
        row for row, outcome in zip(rows_of(batch), outcomes, strict=True) if outcome != Outcome.UNCHANGED
    ]
    assert rows_of(stored_rows(batch, outcomes)) == kept
