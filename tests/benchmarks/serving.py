"""The server: the whole application under uvicorn, in a process of its own."""

import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Final

from app.serving import bound, serve
from app.settings import Settings

_START_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int
    pid: int

    def cpu_seconds(self) -> float | None:
        """Return the CPU time that the process has used, None where the platform does not tell."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        found = [line.split()[1] for line in lines if line.startswith("process_cpu_seconds_total ")]
        return float(found[0]) if found else None


def _serve(database_url: str, port: int, iots_config: Path | None) -> None:
    serve(Settings(database_url=database_url, iots_config=iots_config), bound("127.0.0.1", port))


@contextmanager
def served(database_url: str, iots_config: Path | None = None) -> Iterator[Served]:
    """Run the application on a free port until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(database_url, port, iots_config)
    )
    process.start()
    try:
        _wait_until_healthy(process, port)
        yield Served(port, process.pid or 0)
    finally:
        process.terminate()
        process.join(10)


def _wait_until_healthy(process: SpawnProcess, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.is_alive():
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError("the server did not become healthy")
