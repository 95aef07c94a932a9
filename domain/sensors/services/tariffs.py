"""Tariffs: setting, finding and deleting them."""

from collections.abc import Sequence
from dataclasses import fields

from domain.sensors.errors import unknown_tariff
from domain.sensors.events import TariffChanged, TariffCreated, TariffDeleted
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.tariff_rules import tariff_problems
from domain.sensors.tariffs import Tariff, TariffName
from domain.shared.errors import InvalidError
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory


class Tariffs:
    """The use cases around tariffs."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def put(self, tariff: Tariff, actor: Actor) -> bool:
        """Set the tariff, in place of one of its name; return whether there was none.

        Raises:
            InvalidError: each fault, by JSON pointer.

        """
        problems = tariff_problems(tariff)
        if problems:
            raise InvalidError(problems[0].code, "the tariff cannot be set so", problems)
        event_id, now = EventId(self._ids.new()), self._clock.now()
        async with self._uow.begin() as tx:
            before = await tx.tariffs.get(tariff.name)
            if before == tariff:
                return False
            created = await tx.tariffs.put(tariff)
            if created:
                tx.events.add(
                    TariffCreated(event_id=event_id, occurred_at=now, actor=actor, tariff_name=tariff.name)
                )
            else:
                tx.events.add(
                    TariffChanged(
                        event_id=event_id,
                        occurred_at=now,
                        actor=actor,
                        tariff_name=tariff.name,
                        changed=_changed(before, tariff),
                    )
                )
        return created

    async def get(self, wanted: TariffName) -> Tariff:
        """Return the tariff, or raise `NotFoundError` (``unknown_tariff``)."""
        async with self._uow.begin() as tx:
            tariff = await tx.tariffs.get(wanted)
        if tariff is None:
            raise unknown_tariff(wanted)
        return tariff

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Tariff], int]:
        """Return a page of tariffs by name, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.tariffs.list(limit, offset)

    async def delete(self, wanted: TariffName, actor: Actor) -> None:
        """Delete the tariff.

        Raises:
            NotFoundError: ``unknown_tariff``.

        """
        async with self._uow.begin() as tx:
            if not await tx.tariffs.delete(wanted):
                raise unknown_tariff(wanted)
            tx.events.add(
                TariffDeleted(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    tariff_name=wanted,
                )
            )


def _changed(before: Tariff | None, after: Tariff) -> tuple[str, ...]:
    # None where another set it at this very moment: then all of it may have changed.
    return tuple(
        field.name
        for field in fields(Tariff)
        if before is None or getattr(before, field.name) != getattr(after, field.name)
    )
