"""The client: it sends prepared requests over a number of connections as fast as they are answered."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection

import msgspec

PATH = "/api/v1/data/readings"


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent, and to whom."""

    port: int
    key: str
    connections: int
    bodies: list[bytes]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: seconds in all, the seconds of each request, and the sums of the receipts."""

    seconds: float
    latencies: list[float]
    created: int
    unchanged: int


@dataclass(slots=True)
class _Receipts:
    """What the connections gathered."""

    latencies: list[float] = field(default_factory=list)
    created: int = 0
    unchanged: int = 0
    faults: list[str] = field(default_factory=list)


def send(load: Load) -> Sent:
    """Send every body once; runs in a process of its own."""
    waiting, receipts, lock = iter(load.bodies), _Receipts(), threading.Lock()
    threads = [
        threading.Thread(target=_connection, args=(load, waiting, receipts, lock))
        for _ in range(load.connections)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if receipts.faults:
        raise RuntimeError(receipts.faults[0])
    return Sent(seconds, receipts.latencies, receipts.created, receipts.unchanged)


def _connection(load: Load, waiting: Iterator[bytes], receipts: _Receipts, lock: threading.Lock) -> None:
    connection = HTTPConnection("127.0.0.1", load.port, timeout=60)
    headers = {"Authorization": f"Bearer {load.key}", "Content-Type": "application/json"}
    while True:
        with lock:
            body = next(waiting, None)
        if body is None or receipts.faults:
            break
        begun = time.perf_counter()
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - begun
        with lock:
            if answer.status != HTTPStatus.OK:
                receipts.faults.append(content.decode())
                break
            receipt = msgspec.json.decode(content)
            receipts.latencies.append(took)
            receipts.created += receipt["created"]
            receipts.unchanged += receipt["unchanged"]
    connection.close()
