import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from app.logging import (
    ConsoleFormatter,
    JsonFormatter,
    configure_logging,
    hide_secrets,
    logging_configuration,
)
from app.settings import LogFormat


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("httpx", "httpcore", "asyncio", "websockets", "multipart"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("some.where").makeRecord(
        "some.where", logging.INFO, "file.py", 1, message, arguments, None, extra=extra
    )


@pytest.mark.parametrize(
    "text",
    [
        "GET /ws?token=hunter2 HTTP/1.1",
        "GET /ws?a=b&Token=hunter2&c=d",
        "/dashboard?key=hunter2",
        "authorization: Bearer hunter2",
        "postgresql://user:hunter2@host/db",
        "http://:hunter2@host",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "hunter2" not in hide_secrets(text)
    assert "hunter2" not in ConsoleFormatter().format(record("%s", text))
    assert "hunter2" not in JsonFormatter().format(record("%s", text))


def test_what_is_no_secret_stays() -> None:
    assert hide_secrets("GET /api/v1/sensors/get?q=token&limit=5 at http://host:80/a@b") == (
        "GET /api/v1/sensors/get?q=token&limit=5 at http://host:80/a@b"
    )


def test_a_json_line_is_one_object_with_what_was_given() -> None:
    one = record("it %s", "failed", instance="urn:uuid:1", odd=object())
    one.exc_info = (ValueError, ValueError("no\ngood"), None)
    line = JsonFormatter().format(one)
    assert "\n" not in line
    read = json.loads(line)
    assert read["message"] == "it failed"
    assert (read["level"], read["logger"], read["instance"]) == ("info", "some.where", "urn:uuid:1")
    assert "ValueError: no\ngood" in read["exception"]
    assert read["time"].endswith("+00:00")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("log_format", LogFormat)
def test_the_configuration_is_one_that_logging_takes(
    log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format)
    assert not logging.getLogger("uvicorn.access").isEnabledFor(logging.INFO)
    configure_logging(log_format, debug=True)
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/ws?token=hunter2", "1.1", 101
    )
    logging.getLogger("httpx").info("HTTP Request: GET http://device/secret")
    written = capsys.readouterr().err
    assert "GET /ws?token=***" in written
    assert "device" not in written
    assert logging_configuration(log_format, debug=True)["root"]["level"] == "DEBUG"
