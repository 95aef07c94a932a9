"""How much one socket may ask for, and how long things may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """The bounds of one socket. Times are seconds, sizes bytes."""

    authentication: float = 10.0
    """The time in which a socket has to authenticate."""
    message_bytes: int = 256 * 1024
    """The longest message that is read."""
    faults_a_minute: int = 20
    """So many faulty messages within a minute are answered; the next one closes the socket."""
    subscriptions: int = 50
    queued_events: int = 1000
    """Live events that wait for a slow client; above it the oldest are dropped."""
    queued_bytes: int = 16 * 1024 * 1024
    waiting_answers: int = 32
    """Answers and replayed events that wait for a slow client; above it no more is read from it."""
    replay_page: int = 100
    """Stored events that are read at once for a replay."""
    readers: int = 4
    """Snapshots and replays that read from the database at once, of all sockets of a process."""
    key_check_interval: float = 0.5
    """The time between two looks at which keys are still valid."""
    farewell: float = 1.0
    """The time that a client has to take its last message before it is cut off."""
