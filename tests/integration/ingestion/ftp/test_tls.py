"""FTPS: certificates are verified, and the data is encrypted as well."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.pollers.ftp.account import Encryption
from domain.ingestion.errors import FileServerError
from tests.integration.ingestion.ftp.scripted import Script, scripted
from tests.integration.ingestion.ftp.world import (
    Authority,
    FolderServer,
    content_of,
    file_server,
    files_of,
    put,
    serving,
    trusting,
)

AUTHORITY, STRANGER = Authority(), Authority()
BOTH = pytest.mark.parametrize("encryption", [Encryption.EXPLICIT, Encryption.IMPLICIT])


def encrypted(folder: Path, encryption: Encryption, context: ssl.SSLContext) -> FolderServer:
    if encryption is Encryption.EXPLICIT:
        return FolderServer(folder, explicit=context)
    return FolderServer(folder, implicit=context)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    put(tmp_path, "site/a.dat", b"secret figures" * 10_000)
    return tmp_path / "site"


@BOTH
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_files_come_encrypted(
    site: Path, tmp_path: Path, encryption: Encryption, newest: ssl.TLSVersion
) -> None:
    context = AUTHORITY.server_context("127.0.0.1")
    context.maximum_version = newest
    server = encrypted(site, encryption, context)
    async with serving(server) as plain:
        account = trusting(plain, encryption, AUTHORITY.file(tmp_path))
        async with file_server(account, tmp_path / "spool").connect() as folder:
            (found,) = (await files_of(folder)).values()
            local = await folder.fetch(found, print)
            assert await content_of(local) == b"secret figures" * 10_000
            await local.discard()
    # The server's data connections take nothing but TLS; one from before the control connection's is resumed.
    assert server.asked.index("PROT P") < server.asked.index("MLSD")
    assert context.session_stats()["hits"] >= 1


@BOTH
@pytest.mark.parametrize(
    ("signer", "name"),
    [(STRANGER, "127.0.0.1"), (AUTHORITY, "other.example")],
    ids=["stranger", "wrong name"],
)
async def test_certificates_that_are_not_to_be_trusted_are_refused(
    site: Path, tmp_path: Path, encryption: Encryption, signer: Authority, name: str
) -> None:
    server = encrypted(site, encryption, signer.server_context(name))
    async with serving(server) as plain:
        account = trusting(plain, encryption, AUTHORITY.file(tmp_path))
        with pytest.raises(FileServerError) as caught:
            async with file_server(account, tmp_path / "spool").connect():
                pass
    assert caught.value.fault.code == "tls_failed"
    assert not [line for line in server.asked if line.startswith(("USER", "PASS"))]


async def test_the_systems_authorities_are_asked_where_no_file_is_given(site: Path, tmp_path: Path) -> None:
    server = FolderServer(site, implicit=AUTHORITY.server_context("127.0.0.1"))
    async with serving(server) as plain:
        account = replace(plain, encryption=Encryption.IMPLICIT)
        with pytest.raises(FileServerError) as caught:
            async with file_server(account, tmp_path / "spool").connect():
                pass
    assert caught.value.fault.code == "tls_failed"


@pytest.mark.parametrize("content", [None, b"no certificate"])
async def test_a_ca_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    async with serving(FolderServer(tmp_path)) as plain:
        account = trusting(plain, Encryption.EXPLICIT, ca_file)
        with pytest.raises(FileServerError, match=r"ca\.pem") as caught:
            async with file_server(account, tmp_path / "spool").connect():
                pass
    assert caught.value.fault.code == "tls_failed"


async def test_nothing_is_sent_in_the_clear_where_explicit_tls_is_not_offered(tmp_path: Path) -> None:
    script = Script()
    async with scripted(script) as plain:
        account = trusting(plain, Encryption.EXPLICIT, AUTHORITY.file(tmp_path))
        with pytest.raises(FileServerError) as caught:
            async with file_server(account, tmp_path / "spool").connect():
                pass
    assert caught.value.fault.code == "tls_failed"
    assert script.asked == ["AUTH TLS"]


async def test_replies_slipped_in_before_the_encryption_end_the_connection(tmp_path: Path) -> None:
    script = Script(replies={"AUTH": "234 go on\r\n331 password\r\n230 in"})
    async with scripted(script) as plain:
        account = trusting(plain, Encryption.EXPLICIT, AUTHORITY.file(tmp_path))
        with pytest.raises(FileServerError) as caught:
            async with file_server(account, tmp_path / "spool").connect():
                pass
    assert caught.value.fault.code == "protocol"
    assert set(script.asked) == {"AUTH TLS"}


async def test_a_data_connection_in_the_clear_is_refused(site: Path, tmp_path: Path) -> None:
    server = FolderServer(site, implicit=AUTHORITY.server_context("127.0.0.1"))
    async with serving(server) as plain:
        server.ssl = None
        account = trusting(plain, Encryption.IMPLICIT, AUTHORITY.file(tmp_path))
        async with file_server(account, tmp_path / "spool").connect() as folder:
            with pytest.raises(FileServerError) as caught:
                await files_of(folder)
    assert caught.value.fault.code in {"tls_failed", "timeout"}
