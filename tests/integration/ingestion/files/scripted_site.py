"""A scripted server with folders of files, each of which is sent as a test lays out."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.pollers.ftp.account import FtpAccount
from tests.integration.ingestion.ftp.scripted import STAMP, Script, Send, facts, scripted, sends

ROOT = "/data"


@dataclass(frozen=True)
class Listed:
    """A file as the server shows it, and what it sends from an offset on."""

    content: bytes = b""
    size: int | None = None
    """What the server says; None for the truth."""
    send: Send | None = None
    """What is sent in place of the content."""

    def facts(self, name: str) -> str:
        return facts(name, len(self.content) if self.size is None else self.size, stamp=STAMP)


@asynccontextmanager
async def listing(files: Mapping[str, Listed]) -> AsyncIterator[tuple[FtpAccount, Script]]:
    """Serve the files of these paths (`/folder/name`); there are folders of one level."""
    script = Script()
    by_folder: dict[str, list[str]] = {"": []}
    for path, file in files.items():
        folder, _, name = path[1:].rpartition("/")
        if folder not in by_folder:
            by_folder[folder] = []
            by_folder[""].append(facts(folder, 0, "dir"))
        by_folder[folder].append(file.facts(name))
        script.listed[f"{ROOT}{path}"] = file.facts(name)
    listings = {
        folder: "".join(f"{line}\r\n" for line in lines).encode() for folder, lines in by_folder.items()
    }

    def data(command: str, rest: str, offset: int) -> Send:
        if command == "RETR":
            file = files[rest.removeprefix(ROOT)]
            return file.send or sends(file.content[offset:])
        entered = next(line for line in reversed(script.asked) if line.startswith("CWD"))
        return sends(listings[entered.partition(" ")[2].removeprefix(ROOT).strip("/")])

    script.data = data
    async with scripted(script) as account:
        yield account, script


def asked_for(script: Script) -> list[str]:
    """Return the paths of the files that were asked for, in order."""
    return [line.partition(" ")[2].removeprefix(ROOT) for line in script.asked if line.startswith("RETR")]
