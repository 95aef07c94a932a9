"""Sessions in processes of their own, and what the operating system says about servers."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

import psycopg

from adapters.embedded.process import is_server

ROOT: Final = Path(__file__).parents[3]
_PATIENCE_SECONDS: Final = 90.0


class Session:
    """A running ``session.py``; always ended, by its number, when the test is over."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        prefix: Sequence[str] = (),
        python: str = sys.executable,
        before: Sequence[str] = (),
    ) -> None:
        packages = [path for path in sys.path if path.endswith("site-packages")]
        self._report: dict[str, object] | None = None
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [*prefix, python, "-m", "tests.integration.embedded.session", str(folder), *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*before, str(ROOT), *packages])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def report(self) -> dict[str, object]:
        """What the session said once it had started, waiting for it if need be."""
        if self._report is None:
            assert self.process.stdout is not None
            ready, _, _ = select.select([self.process.stdout], [], [], _PATIENCE_SECONDS)
            assert ready, "the session did not start in time"
            self._report = json.loads(self.process.stdout.readline())
        return self._report

    @property
    def url(self) -> str:
        assert "url" in self.report, self.report
        return str(self.report["url"])

    @property
    def owner(self) -> bool:
        assert "url" in self.report, self.report
        return bool(self.report["owner"])

    def finish(self) -> None:
        """Let the session end in good order."""
        self.process.communicate(timeout=_PATIENCE_SECONDS)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """End the session by SIGKILL."""
        self.process.kill()
        self.process.communicate(timeout=_PATIENCE_SECONDS)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a stopped database with owners and modes, as shutil does not."""
    subprocess.run(["/bin/cp", "-a", str(source), str(target)], check=True)  # noqa: S603


def server_pid(folder: Path) -> int:
    """The number of the server's main process."""
    return int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def runs(pid: int, folder: Path) -> bool:
    """Whether the server of this folder still runs under this number."""
    return is_server(pid, folder / "cluster")


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds, but not for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether a server takes this URL."""
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def keep_note(url: str) -> None:
    """Write a row that must survive whatever comes."""
    with psycopg.connect(url) as session:
        session.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        session.execute("INSERT INTO note VALUES ('kept')")


def notes(url: str) -> int:
    """Count the rows written so far."""
    with psycopg.connect(url) as session:
        row = session.execute("SELECT count(*) FROM note WHERE text = 'kept'").fetchone()
    assert row is not None
    return int(row[0])
