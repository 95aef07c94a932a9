"""What writing readings would do, even to sensors that are yet to be registered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from domain.sensors.model import Receipt, Sensor, SensorDefinition, SensorKey, Source
from domain.sensors.ports import UnitCatalog
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Checking, Submission
from domain.sensors.services.definition import canonical_unit_of
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.refusals import in_order
from domain.sensors.services.rules import Rule
from domain.shared.errors import InvalidError, Problem
from domain.shared.ports import Clock


class PreviewReadings:
    """Foretells receipts."""

    def __init__(
        self, write: WriteReadings, catalog: SensorCatalog, units: UnitCatalog, clock: Clock
    ) -> None:
        self._write = write
        self._catalog = catalog
        self._units = units
        self._clock = clock

    async def preview(
        self, submission: Submission, source: Source, definitions: Collection[SensorDefinition]
    ) -> Receipt:
        """Return the receipt that a write would give once those of the sensors exist that do not yet.

        Nothing is stored or registered. A sensor that cannot be registered as it is defined stays unknown.
        """
        known = await self._catalog.resolve(one.sensor_id for one in definitions)
        rules, faults = self._imagined([one for one in definitions if one.sensor_id not in known])
        sent = replace(submission, sensor_faults={**submission.sensor_faults, **faults})
        if not rules:
            return await self._write.write(sent, source, dry_run=True)
        ids = sent.sensor_ids
        rest = await self._write.write(
            _selected(sent, [row for row, one in enumerate(ids) if one not in rules]), source, dry_run=True
        )
        new = replace(_selected(sent, [row for row, one in enumerate(ids) if one in rules]), unreadable=())
        checked = Checking(new, rules, self._units, self._clock.now()).run(source)
        return Receipt(
            receipt_id=rest.receipt_id,
            received=rest.received + len(new.times_us),
            created=rest.created + len(checked.batch),
            updated=rest.updated,
            unchanged=rest.unchanged + checked.repeated,
            rejected=rest.rejected + len(checked.rejected),
            errors=in_order([*rest.errors, *checked.rejected]),
        )

    def _imagined(
        self, definitions: Sequence[SensorDefinition]
    ) -> tuple[dict[str, Rule], Mapping[str, Problem]]:
        """Return rules for sensors as they would be registered, and the faults of those that cannot be."""
        now = self._clock.now()
        rules: dict[str, Rule] = {}
        faults: dict[str, Problem] = {}
        for number, definition in enumerate(definitions):
            try:
                conversion, canonical_unit = canonical_unit_of(definition, self._units)
            except InvalidError as error:
                faults[definition.sensor_id] = error.problems[0]
                continue
            rules[definition.sensor_id] = Rule.of(
                Sensor(
                    key=SensorKey(number),
                    version=1,
                    definition=definition,
                    conversion=conversion,
                    canonical_unit=canonical_unit,
                    created_at=now,
                    updated_at=now,
                )
            )
        return rules, faults


def _selected(sent: Submission, rows: Sequence[int]) -> Submission:
    """Return these rows of a submission, which keep their places in the request."""
    return replace(
        sent,
        sensor_ids=[sent.sensor_ids[row] for row in rows],
        times_us=[sent.times_us[row] for row in rows],
        values=[sent.values[row] for row in rows],
        units=None if sent.units is None else [sent.units[row] for row in rows],
        qualities=None if sent.qualities is None else [sent.qualities[row] for row in rows],
        indexes=rows if sent.indexes is None else [sent.indexes[row] for row in rows],
    )
