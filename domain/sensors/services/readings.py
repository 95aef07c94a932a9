"""Writing readings, and reading them back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.sensors.covering import Level
from domain.sensors.errors import ChunkStoredError, StaleSensorsError, unknown_sensor
from domain.sensors.model import (
    KeptRejection,
    Reading,
    ReadingBatch,
    Receipt,
    ReceiptId,
    SensorId,
    SensorKey,
    Source,
)
from domain.sensors.ports import SensorsUnitOfWork, UnitCatalog
from domain.sensors.receipt_ports import ChunkName
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Checked, Checking, Submission
from domain.sensors.services.conversions import conversion_to
from domain.sensors.services.group_commit import GroupCommit, Write
from domain.sensors.services.refusals import in_order
from domain.shared.errors import ConflictError, InvalidError, Problem
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import to_microseconds

_ATTEMPTS: Final = 5
_NEVER_SEALED: Final = timedelta(days=1)
"""Readings younger than this are never removed, so that nothing has to be looked up for them."""


class WriteReadings:
    """Takes readings from clients, pollers and importers."""

    def __init__(
        self,
        uow: SensorsUnitOfWork,
        catalog: SensorCatalog,
        units: UnitCatalog,
        commit: GroupCommit,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._catalog = catalog
        self._units = units
        self._commit = commit
        self._clock = clock
        self._ids = ids

    async def write(
        self,
        submission: Submission,
        source: Source,
        *,
        atomic: bool = False,
        dry_run: bool = False,
        chunk: ChunkName | None = None,
    ) -> Receipt:
        """Store what can be stored, keep what cannot, and say what became of each.

        Args:
            submission: the readings as they were sent.
            source: who sent them; see `ReadingStore.write` for what that decides.
            atomic: store all or nothing.
            dry_run: store nothing, and say what would be.
            chunk: store this once: where the source's chunk is stored already, its receipt is returned as it
                was then, and nothing is written.

        Raises:
            InvalidError: ``atomic_rejected``, where ``atomic`` and a reading was refused.

        """
        if (stored := await self._stored(source, chunk)) is not None:
            return stored
        receipt_id = ReceiptId(self._ids.new())
        for attempt in range(_ATTEMPTS):
            # The store notices what is sealed, which is rare; only then is it looked up, reading by reading.
            checked = await self._check(submission, source, with_sealed=attempt > 0)
            if atomic and checked.rejected:
                raise _refused(checked)
            write = Write(
                receipt_id=receipt_id,
                source=source,
                batch=checked.batch,
                rejected=checked.rejected,
                repeated=checked.repeated,
                chunk=chunk,
            )
            try:
                outcomes = await (self._commit.preview(write) if dry_run else self._commit.write(write))
            except StaleSensorsError:
                self._catalog.forget_all()
            except ChunkStoredError:
                if (stored := await self._stored(source, chunk)) is not None:
                    return stored
            else:
                return write.receipt(outcomes)
        raise ConflictError(
            "concurrent_change", "the sensors are being changed at this moment; send it again"
        )

    async def _stored(self, source: Source, chunk: ChunkName | None) -> Receipt | None:
        """Return the receipt of a chunk that is stored, with all that was refused of it."""
        if chunk is None:
            return None
        async with self._uow.snapshot() as tx:  # nothing is purged between the two
            receipt = await tx.write_receipts.get(source, chunk)
            if receipt is None or not receipt.rejected:
                return receipt
            kept, _ = await tx.rejections.list(receipt.receipt_id, receipt.rejected, 0)
        return replace(receipt, errors=in_order(one.rejected for one in kept))

    async def _check(self, submission: Submission, source: Source, *, with_sealed: bool) -> Checked:
        now = self._clock.now()
        rules = await self._catalog.rules(submission.sensor_ids)
        checked = Checking(submission, rules, self._units, now).run(source)
        old = _old_quarters(checked.batch, to_microseconds(now - _NEVER_SEALED)) if with_sealed else {}
        if not old:
            return checked
        async with self._uow.begin() as tx:
            sealed = await tx.rollups.sealed(old)
        if not sealed:
            return checked
        rules = await self._catalog.rules(submission.sensor_ids)
        return Checking(submission, rules, self._units, now, sealed).run(source)


def _old_quarters(batch: ReadingBatch, before_us: int) -> dict[SensorKey, set[int]]:
    """Return the quarter-hours of the readings before this time."""
    if not len(batch) or batch.first_us >= before_us:
        return {}
    length_us = Level.QUARTER_HOUR.length_us
    old: dict[SensorKey, set[int]] = {}
    for run in batch.runs:
        quarters = {time // length_us for time in batch.times_us[run.start : run.stop] if time < before_us}
        if quarters:
            old.setdefault(run.key, set()).update(quarters)
    return old


def _refused(checked: Checked) -> InvalidError:
    return InvalidError(
        "atomic_rejected",
        f"{len(checked.rejected)} readings were refused, so none was stored",
        [
            Problem(f"/readings/{one.index}", one.code, f"{one.sensor_id}: {one.detail}")
            for one in in_order(checked.rejected)[:100]
        ],
    )


@dataclass(frozen=True, slots=True)
class ReadingPage:
    """Readings of one sensor, oldest first, and where the next page begins (None at the end)."""

    unit: str
    readings: list[Reading]
    next_after: datetime | None


class ReadReadings:
    """Gives stored readings and refused ones back."""

    def __init__(self, uow: SensorsUnitOfWork, units: UnitCatalog) -> None:
        self._uow = uow
        self._units = units

    async def page(
        self,
        wanted: SensorId,
        *,
        start: datetime | None,
        end: datetime | None,
        after: datetime | None,
        limit: int,
        unit: str | None = None,
    ) -> ReadingPage:
        """Return up to ``limit`` readings in ``[start, end)``, those later than ``after`` only.

        Raises:
            NotFoundError: ``unknown_sensor``.
            InvalidError: ``end_before_start``, ``unit_mismatch``.

        """
        if start is not None and end is not None and end < start:
            raise InvalidError("end_before_start", "end lies before start")
        async with self._uow.begin() as tx:
            sensor = (await tx.sensors.find([wanted])).get(wanted)
            if sensor is None:
                raise unknown_sensor(wanted)
            found = list(await tx.readings.page(sensor.key, start, end, after, limit + 1))
        more = len(found) > limit
        readings = found[:limit]
        next_after = readings[-1].time if more else None
        if unit is None:
            return ReadingPage(sensor.canonical_unit, readings, next_after)
        conversion = conversion_to(self._units, unit, sensor)
        converted = [replace(one, value=conversion.from_canonical(one.value)) for one in readings]
        return ReadingPage(unit, converted, next_after)

    async def rejections(
        self, receipt_id: ReceiptId | None, limit: int, offset: int
    ) -> tuple[list[KeptRejection], int]:
        """Return a page of refused readings, newest first, and the number of all."""
        async with self._uow.begin() as tx:
            found, total = await tx.rejections.list(receipt_id, limit, offset)
        return list(found), total
