"""Who we are to the FTP server, and what we put up with from it."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MIB = 1 << 20


class Encryption(StrEnum):
    """Whether and how the connections are encrypted; where they are, the data's are too."""

    OFF = "off"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpAccount:
    """Where the meter files are, and how to get in. Without a CA file the system's are trusted.

    The host comes from the environment, which is the administrator's: POLLER_ALLOWED_HOSTS, which guards
    against configurations that other people send, does not apply to it.
    """

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    remote_path: str = "/"
    encryption: Encryption = Encryption.OFF
    ca_file: Path | None = None

    @property
    def name(self) -> str:
        """The address for people."""
        scheme = "ftp" if self.encryption is Encryption.OFF else "ftps"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.remote_path.strip('/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpLimits:
    """Bounds on time (seconds), size (bytes) and number.

    A transfer as a whole, with all its tries, may take ``transfer_grace`` and what it would need at
    ``slowest`` bytes a second: a server that trickles does not hold up the others' files for ever.
    """

    connecting: float = 20.0
    reply: float = 30.0
    idle: float = 30.0
    listing: float = 600.0
    transfer_grace: float = 300.0
    slowest: float = 16 * 1024

    connect_tries: int = 3
    tries: int = 5
    first_pause: float = 0.5
    longest_pause: float = 30.0

    largest_file: int = 2048 * MIB
    largest_listing: int = 256 * MIB
    most_folders: int = 20_000
    deepest_folder: int = 32
    page: int = 1_000
