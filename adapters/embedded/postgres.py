"""The embedded PostgreSQL as the rest of the program sees it."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

import psycopg

from adapters.embedded.account import Account
from adapters.embedded.cluster import SUPERUSER, make_or_find, read_pid_file
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.folder import Folder
from adapters.embedded.lock import OwnerLock
from adapters.embedded.server import HOST, Server, connect, start

_DATABASE: Final = "energy_dashboard"
_GUEST_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02


class EmbeddedPostgres:
    """A PostgreSQL that lives in one folder and, with the process that owns it, comes and goes.

    The first process to start it on a folder owns the server; others attach to it as guests (``owner``
    is False) and lose it when the owner stops. The server ends with its owner, also when that is killed.
    Not to be used by several threads at the same time.
    """

    def __init__(self, data_dir: Path) -> None:
        self.owner = False
        self._folder = Folder(data_dir)
        self._lock = OwnerLock(self._folder.lock)
        self._server: Server | None = None
        self._pid = os.getpid()

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, or attach to the one that runs; return the URL of the superuser.

        Started again, it returns the same URL while the server lives, and restarts a server that died.
        """
        self._forget_in_fork()
        if self._server is not None:
            if self._server.alive(self._folder):
                return self._url(self._server.port)
            self._server.stop()
            self._server = None
        try:
            return self._start()
        except OSError as error:
            advice = "Check the disk and the permissions, or choose another folder."
            if isinstance(error, PermissionError) and os.geteuid() == 0:
                advice = "Root lacks its usual rights here: start this program as an ordinary user."
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot use {self._folder.root}: {error}. {advice}"
            ) from error
        finally:
            if self._server is None:
                self._release()

    def stop(self) -> None:
        """Stop the server if this process owns it; a guest only forgets it."""
        self._forget_in_fork()
        try:
            if self._server is not None:
                self._server.stop()
        finally:
            self._server = None
            self._release()

    def _start(self) -> str:
        account = self._folder.prepare()
        deadline = time.monotonic() + _GUEST_SECONDS
        while not self._lock.acquire(account):
            port = self._port_of_owner()
            # The owner may have been killed while we looked; then the lock is free, and we take over.
            if port is not None and not self._lock.acquire(account):
                return self._url(port)
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Another process owns the database in {self._folder.root}, but its server does not "
                    f"answer. It may still recover from a crash: try again, else restart that process."
                )
            time.sleep(_POLL_SECONDS)
        return self._url(self._start_own(account))

    def _start_own(self, account: Account) -> int:
        server = start(self._folder, account, make_or_find(self._folder, account))
        try:
            self._make_database(server.port)
        except BaseException:
            server.stop()
            raise
        self._server = server
        self.owner = True
        return server.port

    def _make_database(self, port: int) -> None:
        try:
            with connect(self._folder, port, SUPERUSER) as session:
                found = session.execute("SELECT FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone()
                if found is None:
                    session.execute(f"CREATE DATABASE {_DATABASE}")
        except psycopg.Error as error:
            raise self._folder.failure("PostgreSQL started, but cannot be used.", str(error)) from error

    def _port_of_owner(self) -> int | None:
        found = read_pid_file(self._folder)
        if found is None or not found.ready or self._folder.password() is None:
            return None
        try:
            with connect(self._folder, found.port, _DATABASE) as session:
                row = session.execute("SHOW data_directory").fetchone()
        except psycopg.Error:
            return None
        return found.port if row == (str(self._folder.cluster),) else None

    def _url(self, port: int) -> str:
        password = quote(self._folder.password() or "", safe="")
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}/{_DATABASE}"

    def _forget_in_fork(self) -> None:
        # A forked worker inherits this object, but neither the server nor the right to stop it.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._server = None
            self.owner = False

    def _release(self) -> None:
        self.owner = False
        self._lock.release()
