"""One run of the server: its settings, its port and the wait until it answers."""

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from adapters.embedded.account import Account
from adapters.embedded.binaries import Binaries
from adapters.embedded.cluster import SUPERUSER, clear_strays, read_pid_file
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.folder import Folder
from adapters.embedded.process import end, is_server, launch

HOST: Final = "127.0.0.1"
_SETTINGS: Final = {
    "listen_addresses": HOST,
    # A path of more than 107 bytes is no socket, and TCP is enough.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
_PASSING: Final = (
    "Address already in use",  # another program took the port in between
    'lock file "postmaster.pid" already exists',  # a server that was just starting when its owner died
    "pre-existing shared memory block",  # sessions of a killed server that have not ended yet
)
_PASSING_SECONDS: Final = 30.0
# Recovery after a crash takes a while on a slow disk, and starts anew when interrupted.
_START_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True)
class Server:
    """A running server that this process owns."""

    process: subprocess.Popen[bytes]
    port: int

    def ended(self) -> bool:
        """Say whether our child has ended: the server, or the watchdog that ends after it."""
        return self.process.poll() is not None

    def alive(self, folder: Folder) -> bool:
        """Say whether the server runs; one just killed does not, though its process takes a while to end."""
        found = read_pid_file(folder)
        return not self.ended() and found is not None and is_server(found.pid, folder.cluster)

    def stop(self) -> None:
        """End the server: fast and orderly, then immediately, then by force."""
        end(self.process, f"the server {self.process.pid}")


def start(folder: Folder, account: Account, binaries: Binaries) -> Server:
    """Start the server and wait until it takes connections."""
    deadline = time.monotonic() + _PASSING_SECONDS
    while True:
        clear_strays(folder, account)
        server, log_start = _launch(folder, account, binaries)
        try:
            if _wait(server, folder):
                return server
        except BaseException:
            server.stop()
            raise
        said = folder.log_since(log_start)
        if time.monotonic() > deadline or not any(passing in said for passing in _PASSING):
            raise folder.failure("PostgreSQL did not start.", said)
        time.sleep(_POLL_SECONDS * 10)


def connect(folder: Folder, port: int, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect as the superuser, whatever PG* variables the environment holds."""
    return psycopg.connect(
        host=HOST,
        hostaddr=HOST,
        port=port,
        user=SUPERUSER,
        password=folder.password(),
        dbname=database,
        options="",
        sslmode="disable",
        gssencmode="disable",
        target_session_attrs="any",
        # A stale port may be another program's by now: prove the password, never tell it.
        require_auth="scram-sha-256",
        connect_timeout=10,
        autocommit=True,
    )


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _launch(folder: Folder, account: Account, binaries: Binaries) -> tuple[Server, int]:
    port = free_port()
    command = [str(binaries.postgres), "-D", str(folder.cluster), "-c", f"port={port}"]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    log = folder.open_log(account)
    try:
        log_start = folder.log_size()
        process = launch(command, account, folder.cluster, stdout=log, stderr=log)
    finally:
        os.close(log)
    return Server(process, port), log_start


def _wait(server: Server, folder: Folder) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while not server.ended():
        # The file says when it is worth while to connect: a try too early fills the log.
        found = read_pid_file(folder)
        if found is not None and found.ready and found.port == server.port:
            return True
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"PostgreSQL did not get ready within {_START_SECONDS:.0f} s; see {folder.log}."
            )
        time.sleep(_POLL_SECONDS)
    return False
