"""Devices that were let go: until they are back, their meters do not show what they draw by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.assignments import Assignment
from domain.demand_response.commands import Command, CommandStatus
from domain.demand_response.conditions import MeterReading

_TOLD: Final = frozenset({CommandStatus.DELIVERED, CommandStatus.MANUAL})


@dataclass(frozen=True, slots=True)
class Released:
    """A device that serves nothing any more: what it drew before it shed, and when it was back from that.

    ``back_at`` is None where the word to come back has not reached it, for all that is known.
    """

    power_before_kw: float
    back_at: datetime | None

    def is_shown_by(self, reading: MeterReading | None) -> bool:
        """Whether its meter still shows it as it was while it shed."""
        if self.back_at is None:
            return True
        return reading is not None and reading.time is not None and reading.time < self.back_at


def released_last(recent: Sequence[Assignment]) -> Assignment | None:
    """Return what a device was let go from last; None while it serves, and where its load was not known."""
    if any(one.is_serving for one in recent):
        return None
    known = [one for one in recent if one.power_before_kw is not None]
    return max(known, key=lambda one: one.began_at, default=None)


def released(assignment: Assignment, restore: Command | None, ramp: timedelta) -> Released | None:
    """Return how far a device has come back that was told so by ``restore``; None where it need not.

    It takes as long to come up as to come down.
    """
    if assignment.power_before_kw is None or restore is None:
        return None
    told_at = restore.time if restore.status in _TOLD else None
    return Released(assignment.power_before_kw, None if told_at is None else told_at + ramp)
