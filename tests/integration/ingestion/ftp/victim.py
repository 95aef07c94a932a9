"""A process that fetches a file, to be killed on the way."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from adapters.pollers.ftp.account import FtpAccount
from domain.ingestion.files import FoundFile
from tests.integration.ingestion.ftp.scripted import PASSWORD, USER
from tests.integration.ingestion.ftp.world import file_server


async def fetch(port: int, spool: Path, size: int) -> None:
    account = FtpAccount(host="127.0.0.1", port=port, username=USER, password=PASSWORD, remote_path="/data")
    found = FoundFile("/a.dat", size, datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC))

    def tell(more: int) -> None:
        sys.stdout.write(f"{more}\n")
        sys.stdout.flush()

    async with file_server(account, spool).connect() as folder:
        await folder.fetch(found, tell)


if __name__ == "__main__":
    asyncio.run(fetch(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
