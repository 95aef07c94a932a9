"""Errors of ingestion that are more than a kind and a code."""

from uuid import UUID

from domain.ingestion.model import DeviceId, Fault
from domain.shared.errors import ConflictError, NotFoundError


class DeviceReadError(Exception):
    """A device gave no usable answer.

    Codes: ``timeout, connection_refused, connection_lost, unreachable, unknown_host, host_not_allowed,
    tls_failed, bad_http, http_<status>, redirect_refused, too_large, unsupported_encoding, not_json,
    auth_missing``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


class FileServerError(Exception):
    """The FTP server cannot be used now.

    Codes: ``timeout, connection_refused, connection_lost, unreachable, unknown_host, login_refused,
    tls_failed, no_such_folder, bad_listing, protocol``, and ``disk_full`` of this machine's own disk.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


class TransferError(Exception):
    """One file cannot be brought here.

    Codes: ``gone, refused, timeout, connection_lost, wrong_size, changed, too_large, disk_full``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


class UnreadableFileError(Exception):
    """A file as a whole is no meter file.

    Codes: ``not_text, too_many_columns, no_readable_line, invalid_metadata, unknown_format, unreadable``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


class ClaimLostError(Exception):
    """Another process has taken a file up: what this one still does for it is not noted."""


class ValueRefusedError(Exception):
    """A value of an answer cannot be taken; the others stand."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, detail)


def ftp_not_configured() -> ConflictError:
    """Return the error where there is no FTP server to be scanned."""
    return ConflictError("ftp_not_configured", "no FTP server is configured: set FTP_SA4CPS_HOST")


def unknown_version(version: int) -> NotFoundError:
    """Return the error for a version of the configuration that there is not."""
    return NotFoundError("unknown_version", f"the IoT configuration has no version {version}")


def concurrent_change(in_force: int | None = None) -> ConflictError:
    """Return the error for a configuration that somebody changed meanwhile."""
    detail = "the IoT configuration was changed meanwhile"
    if in_force is not None:
        detail += f": version {in_force} is in force now"
    return ConflictError("concurrent_change", detail)


def unknown_file(file_id: UUID) -> NotFoundError:
    """Return the error for a file that is not known."""
    return NotFoundError("unknown_file", f"there is no file {file_id}")


def unknown_device(device_id: DeviceId) -> NotFoundError:
    """Return the error for a device that the configuration does not have."""
    return NotFoundError("unknown_device", f"the IoT configuration has no device {device_id!r}")
