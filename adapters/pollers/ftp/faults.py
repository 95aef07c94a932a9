"""What went wrong with an FTP server, in our words: a server's own may echo anything."""

import errno
import socket
import ssl
from typing import Final

import aioftp

from domain.ingestion.errors import FileServerError

_SHOWN: Final = 160
_UNREACHABLE: Final = frozenset(
    {
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EACCES,
    }
)
_LEAVING: Final = "421"
_NOT_LOGGED_IN: Final = "530"

FAULTS: Final = (OSError, EOFError, aioftp.AIOFTPException, ValueError, IndexError, OverflowError)
"""What aioftp may raise: the last three where a reply is none that it can take apart."""

LASTING: Final = frozenset({"login_refused", "tls_failed", "no_such_folder", "unknown_host"})
"""Faults that are the same a second later."""


class RestartRefusedError(Exception):
    """The server does not send a file from its middle."""


class ReplyTooLongError(ValueError):
    """A reply that does not end."""


def reply_code(error: BaseException) -> str:
    """Return the code of a server's refusal, nothing where the error is none."""
    return str(error.received_codes[-1]) if isinstance(error, aioftp.StatusCodeError) else ""


def is_refusal(error: BaseException) -> bool:
    """Return whether a server that works refused this, and would again; the connection is as it was."""
    code = reply_code(error)
    return code.startswith("5") and code != _NOT_LOGGED_IN


def knows_no_such_command(error: BaseException) -> bool:
    """Return whether a server said that it does not have the command, or not in this form."""
    return reply_code(error).startswith("50")


def explained(error: BaseException, server: str) -> FileServerError:
    """Return the error as one of ours."""
    if isinstance(error, FileServerError):
        return error
    code, detail = _code_and_detail(error)
    return FileServerError(code, f"{server}: {detail}")


def _code_and_detail(error: BaseException) -> tuple[str, str]:
    match error:
        case TimeoutError():
            return "timeout", "no answer in time"
        case ssl.SSLCertVerificationError():
            return "tls_failed", f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return "tls_failed", f"TLS failed ({_printable(error.reason or 'no reason given')})"
        case socket.gaierror():
            return "unknown_host", "the name has no address"
        case ConnectionRefusedError():
            return "connection_refused", "nobody listens there"
        case ConnectionError() | EOFError():
            return "connection_lost", "the connection broke off"
        case OSError():
            return _of_system(error)
        case aioftp.StatusCodeError():
            return _of_reply(error)
    return "protocol", "it does not speak FTP as it should"


def _of_system(error: OSError) -> tuple[str, str]:
    code = "unreachable" if error.errno in _UNREACHABLE else "connection_lost"
    return code, error.strerror or "the network failed"


def _of_reply(error: aioftp.StatusCodeError) -> tuple[str, str]:
    code = _printable(reply_code(error))
    if code == _LEAVING:
        return "connection_lost", "it ended the connection"
    if code == _NOT_LOGGED_IN:
        return "login_refused", "it does not let us in"
    return "protocol", f"it answered {code or 'nothing'} where that makes no sense"


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text[:_SHOWN]))
