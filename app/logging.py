"""The log: one configuration for everything, in lines for people or for programs, without secrets."""

import logging
import logging.config
import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from app.settings import LogFormat

_SECRETS: Final = re.compile(
    r"(?P<name>[?&](?:token|key|api_key|access_token|password|secret)=|\bBearer\s+)[^\s&\"']+"
    r"|(?P<user>://[^\s/:@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)
_PLAIN_FIELDS: Final = frozenset(
    {
        *vars(logging.LogRecord("", 0, "", 0, "", None, None)),
        "message",
        "asctime",
        "taskName",
        "color_message",
    }
)
_QUIET: Final = ("httpx", "httpcore", "asyncio", "websockets", "multipart", "alembic")
"""Libraries that tell of every call, some with URLs and what is in them."""


def hide_secrets(text: str) -> str:
    """Return the text without tokens in URLs and headers."""
    return _SECRETS.sub(lambda found: f"{found['name'] or found['user']}***", text)


class ConsoleFormatter(logging.Formatter):
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return hide_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """A line for programs: a JSON object with what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return hide_secrets(msgspec.json.encode(line, enc_hook=str).decode())


def logging_configuration(log_format: LogFormat, *, debug: bool = False) -> dict[str, Any]:
    """Return what ``dictConfig`` is to be told; uvicorn gets the same as its ``log_config``."""
    formatter = JsonFormatter if log_format is LogFormat.JSON else ConsoleFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": formatter}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "lines"}
        },
        "root": {"level": "DEBUG" if debug else "INFO", "handlers": ["stderr"]},
        "loggers": {name: {"level": "WARNING"} for name in _QUIET}
        | {name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")}
        # A line for every call is for those who look for something.
        | {"uvicorn.access": {"handlers": [], "propagate": True, "level": "INFO" if debug else "WARNING"}},
    }


def configure_logging(log_format: LogFormat, *, debug: bool = False) -> None:
    """Set the log up, once, at the start of a process."""
    logging.config.dictConfig(logging_configuration(log_format, debug=debug))
