import socket
import stat
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, server
from tests.integration.embedded.processes import answers, keep_note, notes, runs, server_pid


def test_data_survives_a_restart_and_a_stopped_server_is_gone(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    url = postgres.start()
    owned = [postgres.owner]
    keep_note(url)
    pid = server_pid(folder)
    postgres.stop()
    owned.append(postgres.owner)
    assert owned == [True, False]
    assert not runs(pid, folder)
    assert not answers(url)
    with EmbeddedPostgres(folder) as again:
        assert notes(again) == 1


def test_the_url_names_the_database_and_its_superuser(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname, parts.path) == ("postgresql", "127.0.0.1", "/energy_dashboard")
    with psycopg.connect(url) as session:
        row = session.execute(
            "SELECT current_database(), rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == ("energy_dashboard", True)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("password_encryption", "scram-sha-256"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "2GB"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
        ("lc_messages", "C"),
        ("server_encoding", "UTF8"),
    ],
)
def test_the_server_runs_with(shared_url: str, setting: str, value: str) -> None:
    with psycopg.connect(shared_url) as session:
        assert session.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_text_is_sorted_by_code_point_and_knows_letters_of_all_languages(shared_url: str) -> None:
    with psycopg.connect(shared_url) as session:
        assert session.execute("SELECT 'a' > 'B', lower('ÄÉ')").fetchone() == (True, "äé")


def test_nobody_gets_in_without_the_password(shared_url: str) -> None:
    parts = urlsplit(shared_url)
    for address in (
        f"postgres@{parts.hostname}:{parts.port}",
        f"postgres:wrong@{parts.hostname}:{parts.port}",
    ):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{address}/energy_dashboard", passfile="/dev/null")


def test_started_again_it_gives_the_same_url(postgres: EmbeddedPostgres) -> None:
    assert postgres.start() == postgres.start()
    assert postgres.owner


def test_files_are_private_and_parents_stay_as_they_were(tmp_path: Path) -> None:
    parent = tmp_path / "open"
    parent.mkdir()
    parent.chmod(0o751)
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in (parent, *parent.parents)]
    folder = parent / "data"
    folder.mkdir(mode=0o755)
    with EmbeddedPostgres(folder):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {
        "data": 0o700,
        "cluster": 0o700,
        "embedded.lock": 0o600,
        "password": 0o600,
        "postgres.log": 0o600,
    }
    assert before == [(path, path.stat().st_mode, path.stat().st_uid) for path in (parent, *parent.parents)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the command lines of processes from /proc")
def test_the_password_is_neither_in_the_log_nor_in_any_command_line(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    password = unquote(urlsplit(postgres.start()).password or "")
    assert len(password) > 30
    assert (folder / "password").read_text() == password
    server_lines = Path(f"/proc/{server_pid(folder)}/cmdline").read_bytes()
    assert str(folder).encode() in server_lines, "the search below would find nothing"
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in process.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert password not in (folder / "postgres.log").read_text()


def test_variables_of_the_environment_do_not_mislead_it(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGHOST": "192.0.2.1",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGDATA": "/nonexistent",
        "PGOPTIONS": "-c nonsense=1",
        "PGSSLMODE": "require",
        "PGTZ": "Asia/Tokyo",
        "LC_ALL": "nonsense",
    }.items():
        monkeypatch.setenv(name, value)
    postgres.start()
    assert postgres.owner


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of a process from /proc")
def test_secrets_of_the_environment_are_not_handed_to_the_server(
    folder: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_THE_METERS", "secret")
    postgres.start()
    variables = Path(f"/proc/{server_pid(folder)}/environ").read_text()
    assert "LC_ALL=C" in variables
    assert "KEY_OF_THE_METERS" not in variables


def test_a_port_taken_by_another_program_is_passed_over(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports = [taken, server.free_port()]
        monkeypatch.setattr(server, "free_port", lambda: ports.pop(0) if len(ports) > 1 else ports[0])
        assert urlsplit(postgres.start()).port == ports[0]
    assert len(ports) == 1


def test_a_server_started_in_a_thread_outlives_the_thread(folder: Path, postgres: EmbeddedPostgres) -> None:
    urls: list[str] = []
    thread = threading.Thread(target=lambda: urls.append(postgres.start()))
    thread.start()
    thread.join()
    pid = server_pid(folder)
    assert answers(urls[0])
    assert postgres.start() == urls[0]
    postgres.stop()
    assert not runs(pid, folder)


def test_a_long_log_is_put_aside_at_the_start(folder: Path, postgres: EmbeddedPostgres) -> None:
    postgres.start()
    postgres.stop()
    with (folder / "postgres.log").open("a") as log:
        log.write("x" * 10_000_001)
    postgres.start()
    assert (folder / "postgres.log").stat().st_size < 10_000
    assert (folder / "postgres.log.1").stat().st_size > 10_000_000


@pytest.mark.parametrize("name", ["a folder with spaces and 'quotes' $HOME", "ü" * 60 + "/" + "long" * 50])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str) -> None:
    with EmbeddedPostgres(tmp_path / name) as url:
        assert answers(url)
