"""Processes of `energy-dashboard`, which can be stopped and killed."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.e2e.programs import PROGRAM, environment
from tests.integration.ingestion.files.site import Caller, until

KEY = "an-admin-key-for-tests-0123456789"
_SERVES = re.compile(r"serves (http://\S+)")


class Program(Caller):
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path, folder: Path) -> None:
        super().__init__(httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=30))
        self._process = process
        self._said = said
        self._folder = folder

    async def has_started(self) -> bool:
        assert self._process.poll() is None, self.said
        found = _SERVES.search(self.said)
        if found is not None:
            self.client.base_url = httpx.URL(found[1])
        return found is not None

    @property
    def said(self) -> str:
        """All that it wrote: its log too."""
        return self._said.read_text()

    @property
    def is_reading(self) -> bool:
        """Whether it has a file of the server here, or a part of one."""
        return any((self._folder / "spool").glob("*.part"))

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait, 10)

    async def close(self) -> None:
        await self.client.aclose()
        await self.kill()


def _started(variables: Mapping[str, str]) -> Program:
    folder = Path(variables["DATA_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*PROGRAM, "serve", "--port", "0"],
            env=environment(BOOTSTRAP_ADMIN_KEY=KEY, COLUMNS="200", **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Program(process, said, folder)


@asynccontextmanager
async def serving_program(variables: Mapping[str, str]) -> AsyncIterator[Program]:
    """Run `energy-dashboard serve` on a free port; it is killed at the end."""
    program = _started(variables)
    try:
        await until(program.has_started, 60)
        yield program
    finally:
        await program.close()


async def started(*arguments: str, variables: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def run_program(*arguments: str, variables: Mapping[str, str]) -> "Ended":
    """Run a command to its end, while this process serves it files."""
    process = await started(*arguments, variables=variables)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Ended(process.returncode or 0, out.decode(), err.decode())


class Ended:
    """What a command left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"{self.code}\n{self.out}\n{self.err}"
