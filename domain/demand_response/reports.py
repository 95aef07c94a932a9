"""Performance reports as they are kept: each version with its inputs, none ever changed."""

from dataclasses import dataclass
from datetime import datetime

from domain.demand_response.model import DrEventId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A version of the report of an event.

    ``content`` is the whole report, with the loads that it was computed from, as JSON text in UTF-8.
    ``fingerprint`` is the same where nothing that was put in differs, so that a correction shows. Powers are
    in kW, energy in kWh; None where there is no number.
    """

    event_id: DrEventId
    version: int
    made_at: datetime
    fingerprint: str
    status: str
    reduction_kw: float | None
    energy_kwh: float | None
    content: str
