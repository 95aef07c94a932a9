"""How TLS with the FTP server is done: always verified."""

import ssl

from adapters.pollers.ftp.account import Encryption, FtpAccount
from domain.ingestion.errors import FileServerError


def tls_of(account: FtpAccount) -> ssl.SSLContext | None:
    """Return the context, None without encryption. Reads the CA file (blocks the thread).

    Raises:
        FileServerError: ``tls_failed``, where the CA file cannot be used.

    """
    if account.encryption is Encryption.OFF:
        return None
    try:
        context = ssl.create_default_context(cafile=account.ca_file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds no certificates"
        raise FileServerError(
            "tls_failed", f"the CA file {account.ca_file} cannot be used: {reason}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
