"""How far a scan is."""

from dataclasses import replace

from domain.ingestion.files import FileStatus, MeterFile
from domain.ingestion.model import Fault
from domain.ingestion.scans import Scan, ScanStatus
from domain.shared.ports import Clock


class ScanProgress:
    """The scan as it goes on. A byte counts half when it is here and half when it is read."""

    def __init__(self, scan: Scan) -> None:
        # One that was taken over counts anew: what was done before is skipped now.
        self.scan = Scan(scan_id=scan.scan_id, trigger=scan.trigger, started=scan.started)
        self._before = 0
        self._here = 0
        self._read = 0

    def listed(self, is_new_folder: bool, files: int) -> None:
        scan = self.scan
        self.scan = replace(scan, folders=scan.folders + is_new_folder, files_seen=scan.files_seen + files)

    def skipped(self, files: int) -> None:
        self.scan = replace(self.scan, files_skipped=self.scan.files_skipped + files)

    def settled(self, files: int) -> None:
        self.skipped(-files)

    def to_read(self, size: int) -> None:
        self.scan = replace(self.scan, bytes_total=self.scan.bytes_total + size)

    def begins(self, file: MeterFile) -> None:
        self._before, self._here, self._read = self.scan.bytes_done, 0, 0
        self.scan = replace(self.scan, current_file=file.path)

    def arrived(self, size: int) -> None:
        self._here += size
        self._count()

    def parsed(self, end_offset: int) -> None:
        self._read = end_offset
        self._count()

    def ends(self, file: MeterFile, ended: MeterFile | None) -> None:
        failed = ended is None or ended.status in {FileStatus.FAILED, FileStatus.DISCOVERED}
        self.scan = replace(
            self.scan,
            bytes_done=self._before + file.size,
            files_done=self.scan.files_done + 1,
            files_failed=self.scan.files_failed + failed,
        )

    def fail(self, fault: Fault) -> None:
        self.scan = replace(self.scan, error=fault)

    def ended(self, clock: Clock) -> Scan:
        status = ScanStatus.COMPLETED if self.scan.error is None else ScanStatus.FAILED
        return replace(self.scan, status=status, ended=clock.now(), current_file=None)

    def _count(self) -> None:
        self.scan = replace(self.scan, bytes_done=self._before + (self._here + self._read) // 2)
