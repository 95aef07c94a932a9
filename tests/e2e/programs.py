"""The program as people start it: a process of its own, with an environment of its own."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from app.settings import VARIABLES

PROGRAM = (sys.executable, "-m", "app.cli")
STARTED_SECONDS = 60.0
_LINK = re.compile(r"Open (http://\S+)/dashboard#key=(\S+)")


def environment(**given: str) -> dict[str, str]:
    """Return this process's environment without what would change the program, and with what is given."""
    ours = {variable.name for variable in VARIABLES}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **given}


def run(*arguments: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder until it ends."""
    return subprocess.run(  # noqa: S603 - ourselves
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(**given),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


class Demo:
    """A demo that runs, on a free port."""

    def __init__(self, data_dir: Path) -> None:
        self._began = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [*PROGRAM, "demo", "--port", "0", "--data-dir", str(data_dir)],
            cwd=data_dir.parent,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=[lines], daemon=True).start()
        while True:
            line = lines.get(timeout=STARTED_SECONDS)
            assert line is not None, "".join(self.said)
            if link := _LINK.search(line):
                self.url, self.key = link.groups()
                break
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        )

    def _read(self, lines: "queue.SimpleQueue[str | None]") -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            lines.put(line)
        lines.put(None)

    def age(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._began

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def stop(self, how: signal.Signals) -> int:
        """Tell the process to end, and return its exit code."""
        self._process.send_signal(how)
        return self._process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where what is done takes longer."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def json_of(answer: httpx.Response) -> Mapping[str, object]:
    """Return the body of an answer that must be a success."""
    assert answer.status_code == httpx.codes.OK, answer.text
    body: Mapping[str, object] = answer.json()
    return body
