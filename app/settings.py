"""The environment, read once: the one table of its variables."""

# ruff: noqa: RUF009 - the calls make the fields

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.pollers.host_guard import DEFAULT_ALLOWED
from adapters.web.limits import Rate
from app import values

MEBIBYTE: Final = 1024 * 1024
_LINE: Final = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_PLAIN_FTP_PORT: Final = 21
_IMPLICIT_TLS_FTP_PORT: Final = 990


class LogFormat(StrEnum):
    """How log lines look."""

    CONSOLE = "console"
    JSON = "json"


class ProcessRole(StrEnum):
    """What a process does: answer calls, do the work behind them (polling, relaying, jobs), or both."""

    API = "api"
    WORKER = "worker"
    ALL = "all"


class FtpTls(StrEnum):
    """Whether and how an FTP connection is encrypted."""

    OFF = "off"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


class SettingsError(Exception):
    """Variables with wrong values: one line each, which names it, what was given, and what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable; ``shown`` is its default for people."""

    name: str
    parse: Callable[[str], Any]
    meaning: str
    shown: str
    secret: bool


def _variable(
    parse: Callable[[str], Any],
    default: Any,  # noqa: ANN401 - as the field
    meaning: str,
    *,
    shown: str | None = None,
    secret: bool = False,
) -> Any:  # noqa: ANN401 - as dataclasses.field
    shown = shown if shown is not None else "" if default is None else str(default)
    return field(
        default=default,
        repr=not secret,
        metadata={"parse": parse, "meaning": meaning, "shown": shown, "secret": secret},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Intervals are in seconds."""

    database_url: str | None = _variable(
        values.database_url,
        None,
        "The database; without it the embedded one is used.",
        shown="embedded",
        secret=True,
    )
    migration_database_url: str | None = _variable(
        values.database_url,
        None,
        "The same database as its owner, for migrations.",
        shown="DATABASE_URL",
        secret=True,
    )
    migrate_on_start: bool = _variable(
        values.boolean, default=False, meaning="Migrate DATABASE_URL at the start."
    )
    database_pool_size: int = _variable(
        values.whole(2, 1000), 10, "The most connections to the database, in each process."
    )
    data_dir: Path | None = _variable(
        values.path,
        None,
        "The folder of the embedded database and its files.",
        shown="the user's data folder",
    )
    host: str = _variable(values.text_of, "127.0.0.1", "The address to listen on.")
    port: int = _variable(values.port, 8000, "The port to listen on; 0 takes a free one.")
    role: ProcessRole = _variable(
        values.word_of(ProcessRole), ProcessRole.ALL, "What this process does: `api`, `worker` or `all`."
    )
    debug: bool = _variable(values.boolean, default=False, meaning="Log more.")
    log_format: LogFormat = _variable(
        values.word_of(LogFormat), LogFormat.CONSOLE, "How log lines look: `console` or `json`."
    )
    body_limit: int = _variable(
        values.whole(1024, 1024 * MEBIBYTE), 16 * MEBIBYTE, "The most bytes of one request."
    )
    upload_limit: int = _variable(
        values.whole(1024, 16 * 1024 * MEBIBYTE), 256 * MEBIBYTE, "The most bytes of an uploaded meter file."
    )
    cors_origins: tuple[str, ...] = _variable(
        values.origins,
        (),
        "Origins of web pages that may call the API, split by commas; `*` for all.",
        shown="none",
    )
    rate_limit: Rate | None = _variable(
        values.rate, None, "The most calls of one key in each process: `N/second|minute|hour`.", shown="none"
    )
    metrics_open: bool = _variable(values.boolean, default=True, meaning="Whether /metrics needs no key.")
    bootstrap_admin_key: str | None = _variable(
        values.visible_ascii,
        None,
        "The first admin key, in place of one that is made and printed.",
        shown="made at the first start",
        secret=True,
    )
    timezone: ZoneInfo = _variable(
        values.zone,
        ZoneInfo("Europe/Lisbon"),
        "The zone of days where a call names none.",
        shown="Europe/Lisbon",
    )
    holidays_country: str | None = _variable(
        values.country,
        None,
        "Whose public holidays are no working days: a country, or one with its subdivision (`DE-BY`).",
        shown="by TIMEZONE",
    )
    iots_config: Path | None = _variable(
        values.existing_file, None, "The IoT configuration file.", shown="none"
    )
    poller_allowed_hosts: tuple[str, ...] = _variable(
        values.hosts,
        DEFAULT_ALLOWED,
        "Hosts and networks that devices and control URLs may name, split by commas.",
        shown="loopback and private networks",
    )
    ftp_sa4cps_host: str | None = _variable(values.host, None, "The FTP server of meter files.", shown="none")
    ftp_sa4cps_port: int | None = _variable(
        values.port,
        None,
        "Its port.",
        shown=f"{_PLAIN_FTP_PORT}, or {_IMPLICIT_TLS_FTP_PORT} with implicit TLS",
    )
    ftp_sa4cps_username: str = _variable(values.text_of, "anonymous", "The user there.")
    ftp_sa4cps_password: str = _variable(
        values.text_of, "", "The user's password.", shown="none", secret=True
    )
    ftp_sa4cps_remote_path: str = _variable(
        values.text_of, "/", "The folder that is searched with all below it."
    )
    ftp_sa4cps_tls: FtpTls = _variable(
        values.word_of(FtpTls), FtpTls.OFF, "Encryption: `off`, `explicit` or `implicit`."
    )
    ftp_sa4cps_ca_file: Path | None = _variable(
        values.existing_file, None, "The certificates that its own is checked against.", shown="the system's"
    )
    ftp_check_interval: float = _variable(values.seconds, 21_600.0, "The time between two scans.")
    ftp_skip_initial_scan: bool = _variable(
        values.boolean, default=False, meaning="Do not scan at the start."
    )
    redis_url: str = _variable(
        values.redis_url, "redis://127.0.0.1:6379/0", "The Redis server for fan-out.", secret=True
    )
    redis_enabled: bool = _variable(values.boolean, default=False, meaning="Use Redis for fan-out.")
    retention_days: int = _variable(
        values.whole(0, 36_500), 90, "For how many days raw readings are kept; 0 keeps them for ever."
    )
    retention_interval: float = _variable(values.interval, 86_400.0, "The time between two clean-ups.")
    compress_after_days: int = _variable(
        values.whole(0, 36_500),
        30,
        "After how many days TimescaleDB compresses readings; 0 never does. They can still be corrected.",
    )
    compression_interval: float = _variable(
        values.interval, 86_400.0, "The time between two looks for what to compress."
    )
    room_metrics_interval: float = _variable(values.interval, 300.0, "The time between two room metrics.")
    rollup_interval: float = _variable(
        values.interval, 5.0, "The time between two rounds of bringing aggregates up to date."
    )
    alarm_interval: float = _variable(
        values.interval, 60.0, "The time between two looks for sensors that have fallen silent."
    )
    upkeep_interval: float = _variable(
        values.interval, 3600.0, "The time between two rounds of upkeep: making partitions, clearing out."
    )
    event_scheduler_interval: float = _variable(
        values.interval,
        60.0,
        "The time between two looks at all demand response events; starts and ends are on time besides.",
    )
    auto_response_interval: float = _variable(
        values.interval, 30.0, "The time between two looks at invitations that rules may answer."
    )

    @property
    def ftp_port(self) -> int:
        """The port of the FTP server."""
        if self.ftp_sa4cps_port is not None:
            return self.ftp_sa4cps_port
        return _IMPLICIT_TLS_FTP_PORT if self.ftp_sa4cps_tls is FtpTls.IMPLICIT else _PLAIN_FTP_PORT


VARIABLES: Final = tuple(Variable(name=one.name.upper(), **one.metadata) for one in fields(Settings))
"""All of them, in the order of `Settings`."""


def read_settings(
    environment: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")
) -> Settings:
    """Return the settings; the environment wins over the file. What is empty counts as not given.

    Raises:
        SettingsError: with every fault.

    """
    faults: list[str] = []
    given = {**_file(dotenv, faults), **(os.environ if environment is None else environment)}
    read: dict[str, Any] = {}
    for variable in VARIABLES:
        text = given.get(variable.name, "").strip()
        if not text:
            continue
        try:
            read[variable.name.lower()] = variable.parse(text)
        except ValueError as error:
            # What has an @ may be a URL with a password.
            what = "its value" if variable.secret or "@" in text else repr(text)
            faults.append(f"{variable.name}: {what} is not allowed; give {error}")
    if faults:
        raise SettingsError(faults)
    return Settings(**read)


def _file(dotenv: Path | None, faults: list[str]) -> dict[str, str]:
    if dotenv is None or not dotenv.is_file():
        return {}
    try:
        lines = dotenv.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{dotenv}: cannot be read ({type(error).__name__})")
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            faults.append(f"{dotenv}, line {number}: is no NAME=value")
        else:
            found[match["name"]] = _unquoted(match["value"])
    return found


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if value.startswith(quote) and (end := value.find(quote, 1)) > 0:
            return value[1:end]
    return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()


def variables_table() -> str:
    """Return all variables as a table in Markdown, for the README."""
    cells = [(f"`{one.name}`", one.shown, one.meaning.replace("|", "\\|")) for one in VARIABLES]
    rows = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])
