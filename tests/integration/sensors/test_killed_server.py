"""A server is killed while clients write: what was acknowledged is there, and nothing is there by half."""

import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Final

import psycopg

from tests.benchmarks.loading import PATH
from tests.benchmarks.preparing import prepare
from tests.benchmarks.serving import Served, served
from tests.benchmarks.shapes import Shape
from tests.databases import MigratedDatabase

CLIENTS: Final = 4
SHAPE: Final = Shape("small", sensors=20, rows=5)
BEGIN: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(days=6)
APART: Final = timedelta(hours=24)
"""Between the readings of one client and the next."""


class Client(threading.Thread):
    """Sends one request after the other, and counts those that were acknowledged."""

    def __init__(self, server: Served, key: str, number: int) -> None:
        super().__init__()
        self.start_of = BEGIN + number * APART
        self.acknowledged = 0
        self._server, self._key = server, key

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=10)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with suppress(OSError, HTTPException):  # once the server is killed
            for body in SHAPE.bodies(self.start_of, 1000):
                connection.request("POST", PATH, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != 200:
                    raise AssertionError(content)
                self.acknowledged += 1


def test_what_was_acknowledged_survives_a_kill(migrated: MigratedDatabase, database_url: str) -> None:
    key = prepare(migrated, BEGIN, BEGIN + timedelta(days=6))
    with served(database_url) as server:
        clients = [Client(server, key, number) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        while sum(client.acknowledged for client in clients) < 60:
            time.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        for client in clients:
            client.join()

    with psycopg.connect(migrated.owner_url, autocommit=True) as connection:
        _wait_until_left(connection)
        for client in clients:
            counts = connection.execute(
                "SELECT floor(extract(epoch FROM time - %s) / %s)::int AS request, count(*)"
                " FROM sensors.readings WHERE time >= %s AND time < %s GROUP BY 1 ORDER BY 1",
                [
                    client.start_of,
                    SHAPE.span(1).total_seconds(),
                    client.start_of,
                    client.start_of + APART,
                ],
            ).fetchall()
            assert [request for request, _ in counts] == list(range(len(counts)))
            assert len(counts) in {client.acknowledged, client.acknowledged + 1}
            assert {count for _, count in counts} <= {SHAPE.size}
        (stored,) = connection.execute("SELECT count(*) FROM sensors.readings").fetchone() or (0,)
        (told,) = connection.execute(
            # 8 bytes a time, as base64 after the typecode and a colon
            "SELECT sum(octet_length(decode(substr(payload->>'times_us', 3), 'base64')) / 8)"
            " FROM ops.outbox WHERE type = 'ReadingsStored'"
        ).fetchone() or (0,)
        assert stored == told
        newest = connection.execute(
            "SELECT count(*) FROM sensors.latest JOIN (SELECT sensor_key, max(time) AS time"
            " FROM sensors.readings GROUP BY 1) AS newest USING (sensor_key, time)"
        ).fetchone()
        assert newest == (SHAPE.sensors,)


def _wait_until_left(connection: "psycopg.Connection[tuple[int]]") -> None:
    """Wait until the database has noticed that its client is gone, and has rolled back."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'energy-dashboard'"
        ).fetchone()
        if left == (0,):
            return
        time.sleep(0.05)
