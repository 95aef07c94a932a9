"""``/ingestion/ftp``: scans of the FTP server."""

from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.params import FromPath

from adapters.http_api.file_answers import FileFaultAnswer, fault, instant
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.response import NegotiatedResponse
from adapters.web.times import Instant
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.ingestion.services.scan_requests import Scans
from domain.operations.model import Principal, Role


class ScanBegunAnswer(msgspec.Struct, kw_only=True):
    """The scan that was asked for."""

    scan_id: UUID
    status: ScanStatus


class ScanAnswer(msgspec.Struct, kw_only=True):
    """A scan, and how far it is.

    `files_skipped` are known and unchanged, or still being written; bytes are of the files to be read.
    """

    scan_id: UUID
    status: ScanStatus
    trigger: ScanTrigger
    started: Instant
    ended: Instant | None
    folders: int
    files_seen: int
    files_done: int
    files_skipped: int
    files_failed: int
    bytes_done: int
    bytes_total: int
    current_file: str | None
    error: FileFaultAnswer | None


def _scan(scan: Scan) -> ScanAnswer:
    return ScanAnswer(
        scan_id=scan.scan_id,
        status=scan.status,
        trigger=scan.trigger,
        started=Instant.of(scan.started),
        ended=instant(scan.ended),
        folders=scan.folders,
        files_seen=scan.files_seen,
        files_done=scan.files_done,
        files_skipped=scan.files_skipped,
        files_failed=scan.files_failed,
        bytes_done=scan.bytes_done,
        bytes_total=scan.bytes_total,
        current_file=scan.current_file,
        error=fault(scan.error),
    )


class ScansController(Controller):
    """Looks through the FTP server, each with its progress."""

    path = "/ingestion/ftp"
    tags = ("Meter files",)

    @post(
        "/scan",
        summary="Start a scan of the FTP server",
        status_code=202,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def scan(
        self, scans: FromDishka[Scans], principal: FromDishka[Principal]
    ) -> Response[ScanBegunAnswer]:
        """Look through the FTP server now, in whatever process does the scans.

        While one runs it is 409 `scan_running`; without an FTP server, 409 `ftp_not_configured`.
        """
        scan = await scans.request(principal.actor)
        return NegotiatedResponse(
            ScanBegunAnswer(scan_id=scan.scan_id, status=scan.status),
            status_code=202,
            headers={"Location": f"/api/v1/ingestion/ftp/scans/{scan.scan_id}"},
        )

    @get("/scans", summary="List scans", guards=(requires(Role.VIEWER),))
    @inject
    async def list_scans(
        self, scans: FromDishka[Scans], limit: Limit = DEFAULT_LIMIT, offset: Offset = 0
    ) -> Page[ScanAnswer]:
        """Return scans, newest first."""
        found, total = await scans.list(limit, offset)
        return Page(items=[_scan(scan) for scan in found], total=total, limit=limit, offset=offset)

    @get("/scans/{scan_id:uuid}", summary="Get a scan", guards=(requires(Role.VIEWER),))
    @inject
    async def get_scan(self, scan_id: FromPath[UUID], scans: FromDishka[Scans]) -> ScanAnswer:
        """Return a scan and how far it is."""
        return _scan(await scans.get(ScanId(scan_id)))
