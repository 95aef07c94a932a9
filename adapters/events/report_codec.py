"""Performance reports as JSON."""

import msgspec

from domain.demand_response.ports import ReportCodec
from domain.demand_response.reports import EventReport


class JsonReportCodec(ReportCodec):
    """JSON by the fields of the report; fields that later versions add are passed over."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(EventReport)

    def encode(self, report: EventReport) -> str:
        return msgspec.json.encode(report).decode()

    def decode(self, content: str) -> EventReport:
        try:
            return self._decoder.decode(content)
        except (msgspec.MsgspecError, TypeError) as unreadable:
            raise ValueError(f"the report cannot be read: {unreadable}") from unreadable
