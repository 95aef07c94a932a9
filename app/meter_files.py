"""The commands ``import`` and ``scan``: meter files into the database, from here and from the FTP server."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from dishka import AsyncContainer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app import storage
from app.container import make_container
from app.local_files import LocalFileError, NamedFile
from app.settings import Settings
from domain.ingestion.file_names import collection_name, unknown_format
from domain.ingestion.file_ports import MeterFileFormats
from domain.ingestion.files import (
    ROOT,
    FileOrigin,
    FileReceipt,
    FileStatus,
    MeterFile,
    RejectedLine,
)
from domain.ingestion.model import Fault
from domain.ingestion.scans import Scan, ScanStatus
from domain.ingestion.services.files import ReadFiles
from domain.ingestion.services.import_file import ImportFile
from domain.ingestion.services.process_file import FilePreview
from domain.ingestion.services.scan_server import ScanServer
from domain.shared.errors import ConflictError, DomainError

Result = TypeVar("Result")

ALL_READ: Final = 0
NOTHING_READ: Final = 1
SOME_REFUSED: Final = 2
_SHOWN_REJECTS: Final = 10
_SHOWN_TEXT: Final = 60
_SHOWN_FILES: Final = 100
_PREVIEW: Final = "dry run"
_EXIT_CODES: Final = (
    "Exit codes: 0 all was read; 2 some lines were refused; 1 nothing was read; 130 interrupted. "
    "What was interrupted goes on where it was when it is done again."
)
_IMPORT_INTERRUPTED: Final = (
    "interrupted; what was read so far is stored: give the same files again to go on, nothing is stored twice"
)
_PREVIEW_INTERRUPTED: Final = "interrupted; nothing was stored, since it was a dry run"
_SCAN_INTERRUPTED: Final = (
    "interrupted; what was read so far is stored: scan again to go on, nothing is stored twice"
)
_COLUMNS: Final = ("file", "status", "received", "created", "updated", "unchanged", "rejected")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file."""

    name: str
    status: str
    receipt: FileReceipt
    error: Fault | None = None
    rejects: Sequence[RejectedLine] = ()

    @property
    def is_failed(self) -> bool:
        """Whether nothing of the file could be read or stored."""
        return self.status in {FileStatus.FAILED.value, FileStatus.DISCOVERED.value}

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read."""
        return not self.receipt.rejected and self.error is None


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """Return what the program ends with after these files."""
    if all(one.is_whole for one in outcomes):
        return ALL_READ
    return NOTHING_READ if all(one.is_failed for one in outcomes) else SOME_REFUSED


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what ``import`` takes."""
    parser.epilog = _EXIT_CODES
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".sgl_v2, .slg_v2 or .csv")
    parser.add_argument(
        "--collection", default=ROOT, metavar="NAME", help="where they belong, a path of folders (default: /)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would become of them, and write nothing"
    )


def add_scan_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what ``scan`` takes."""
    parser.epilog = _EXIT_CODES


def import_files(settings: Settings, given: argparse.Namespace) -> int:
    """Read local files by the rules of the FTP monitor."""
    collection = collection_name(given.collection)
    folder = "/" if collection == ROOT else f"/{collection}/"

    async def act(container: AsyncContainer) -> list[Outcome]:
        formats: MeterFileFormats = await container.get(MeterFileFormats)
        files = _opened(given.files, formats)
        importing: ImportFile = await container.get(ImportFile)
        reading: ReadFiles = await container.get(ReadFiles)
        outcomes = []
        with _file_progress() as show:
            for file in files:
                tell = show(file)
                path = f"{folder}{file.name}"
                try:
                    await file.look()
                    if given.dry_run:
                        outcomes.append(_previewed(file.name, await importing.preview(path, file, tell)))
                        continue
                    read = await importing(path, file, tell)
                    rejects, _ = await reading.rejects(read.file_id, _SHOWN_REJECTS, 0)
                    outcomes.append(Outcome(file.name, read.status.value, read.receipt, read.error, rejects))
                except (DomainError, LocalFileError) as error:
                    fault = Fault(getattr(error, "code", "unreadable"), str(error))
                    outcomes.append(Outcome(file.name, FileStatus.FAILED.value, FileReceipt(), fault))
        return outcomes

    try:
        with storage.prepared(settings) as prepared:
            interrupted = _PREVIEW_INTERRUPTED if given.dry_run else _IMPORT_INTERRUPTED
            outcomes = _run(_with(prepared.settings, act), interrupted)
    except LocalFileError as error:
        sys.stderr.write(f"energy-dashboard: {error}\n")
        return NOTHING_READ
    _print_files(outcomes)
    return exit_code(outcomes)


def scan(settings: Settings, _: argparse.Namespace) -> int:
    """Look through the FTP server once."""

    async def act(container: AsyncContainer) -> tuple[Scan, list[Outcome]]:
        server: ScanServer = await container.get(ScanServer)
        reading: ReadFiles = await container.get(ReadFiles)
        with _scan_progress() as show:
            done = await server.run_now(show)
        newest, _ = await reading.list(None, None, _SHOWN_FILES, 0)
        return done, [
            Outcome(file.path, file.status.value, file.receipt, file.error)
            for file in newest
            if file.origin is FileOrigin.FTP and _is_of(done, file)
        ]

    try:
        with storage.prepared(settings) as prepared:
            done, outcomes = _run(_with(prepared.settings, act), _SCAN_INTERRUPTED)
    except ConflictError as error:
        sys.stderr.write(f"energy-dashboard: {error.detail}\n")
        return NOTHING_READ
    if outcomes:
        _print_files(outcomes)
    _print_scan(done)
    if done.status is not ScanStatus.COMPLETED:
        return NOTHING_READ if not done.files_done else SOME_REFUSED
    if done.files_done and done.files_failed == done.files_done:
        return NOTHING_READ
    return ALL_READ if not done.files_failed and exit_code(outcomes) == ALL_READ else SOME_REFUSED


def _is_of(scan: Scan, file: MeterFile) -> bool:
    """Return whether the scan read the file, or could not bring it here."""
    if file.ended_at is not None:
        return file.ended_at >= scan.started
    return file.error is not None and file.started_at is not None and file.started_at >= scan.started


def _run(work: Coroutine[None, None, Result], interrupted: str) -> Result:
    """Do the work; whoever interrupts it is told what that means."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.stderr.write(f"energy-dashboard: {interrupted}\n")
        raise


async def _with(settings: Settings, act: Callable[[AsyncContainer], Awaitable[Result]]) -> Result:
    container = make_container(settings)
    try:
        return await act(container)
    finally:
        await container.close()


def _opened(paths: Sequence[Path], formats: MeterFileFormats) -> list[NamedFile]:
    """Look at all files before the first is read.

    Raises:
        LocalFileError: one is none, or two have the same name.

    """
    files = [NamedFile(path) for path in paths]
    for file in files:
        if not formats.reads(f"/{file.name}"):
            raise LocalFileError(unknown_format(file.name).detail)
    names = [file.name for file in files]
    for name in names:
        if names.count(name) > 1:
            raise LocalFileError(
                f"there are two files {name}: give them different --collection, one call for each"
            )
    return files


def _previewed(name: str, preview: FilePreview) -> Outcome:
    unread = preview.error is not None and preview.receipt.received == preview.receipt.rejected
    status = FileStatus.FAILED.value if unread else _PREVIEW
    if preview.duplicate_of is not None:
        status = f"{_PREVIEW}: {FileStatus.DUPLICATE.value}"
    return Outcome(name, status, preview.receipt, preview.error, preview.errors[:_SHOWN_REJECTS])


def _print_files(outcomes: Sequence[Outcome]) -> None:
    """Write the table, between tabs where it is no terminal; what was refused goes to stderr."""
    rows = [
        (
            one.name,
            one.status,
            *(
                str(number)
                for number in (
                    one.receipt.received,
                    one.receipt.created,
                    one.receipt.updated,
                    one.receipt.unchanged,
                    one.receipt.rejected,
                )
            ),
        )
        for one in outcomes
    ]
    out = Console()
    if out.is_terminal:
        table = Table()
        for place, heading in enumerate(_COLUMNS):
            number = place > 1
            table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
        for name, status, *numbers in rows:
            table.add_row(Text(_text(name)), status, *(f"{int(one):,}" for one in numbers))
        out.print(table)
    else:
        sys.stdout.writelines("\t".join(map(_text, row)) + "\n" for row in (_COLUMNS, *rows))
        sys.stdout.flush()
    for one in outcomes:
        _print_faults(one)


def _print_faults(one: Outcome) -> None:
    if one.error is not None:
        sys.stderr.write(f"{_text(one.name)}: {_text(one.error.detail)} ({one.error.code})\n")
    for reject in one.rejects:
        shown = _text(reject.text[:_SHOWN_TEXT])
        sys.stderr.write(
            f"{_text(one.name)}:{reject.line}: {_text(reject.detail)} ({reject.code}): {shown}\n"
        )
    left = one.receipt.rejected - len(one.rejects)
    if one.rejects and left > 0:
        sys.stderr.write(f"{_text(one.name)}: {left:,} more were refused\n")


def _print_scan(done: Scan) -> None:
    sys.stdout.write(
        f"scan {done.status.value}: {done.folders:,} folders, {done.files_seen:,} files seen, "
        f"{done.files_done - done.files_failed:,} read, {done.files_skipped:,} skipped, "
        f"{done.files_failed:,} failed, "
        f"{done.bytes_done:,} bytes\n"
    )
    if done.error is not None:
        sys.stderr.write(f"energy-dashboard: {_text(done.error.detail)} ({done.error.code})\n")


def _text(written: str) -> str:
    """Return text of a file so that no terminal takes it for commands, nor a program for another field."""
    return "".join(one if one.isprintable() else "\ufffd" for one in written)


@contextmanager
def _file_progress() -> Iterator[Callable[[NamedFile], Callable[[int, int], None]]]:
    """Show how far each file is on the standard error output, where that is a terminal."""
    columns = (
        TextColumn("{task.fields[what]}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[speed]:,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def show(file: NamedFile) -> Callable[[int, int], None]:
            task = progress.add_task("", total=file.size or None, what=_text(file.name), speed=0.0)

            def tell(done: int, total: int) -> None:
                elapsed = progress.tasks[task].elapsed or 0.0
                speed = file.lines / elapsed if elapsed else 0.0
                progress.update(task, completed=done, total=total or None, speed=speed)

            return tell

        yield show


@contextmanager
def _scan_progress() -> Iterator[Callable[[Scan], None]]:
    """Show how far the scan is on the standard error output, where that is a terminal."""
    columns = (
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[files]}"),
        TextColumn("{task.fields[what]}", markup=False),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None, files="listing", what="")

        def tell(scan: Scan) -> None:
            progress.update(
                task,
                completed=scan.bytes_done,
                total=scan.bytes_total or None,
                files=f"{scan.files_done:,} read, {scan.files_skipped:,} skipped of {scan.files_seen:,}",
                what=_text(scan.current_file or ""),
            )

        yield tell
