"""Root lends PostgreSQL an account without rights; an ordinary user needs none."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, process
from adapters.embedded.binaries import newest
from tests.integration.embedded.processes import Session, copy_folder, keep_note, notes, server_pid

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to lend an account and to become another user"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at capabilities, which only Linux has"),
]
_READ_SEARCH = 1 << 2
_OVERRIDE = 1 << 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; those of pytest lie below a private one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_below_a_private_folder_it_runs_as_nobody_with_one_capability(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with EmbeddedPostgres(private / "deep" / "data") as url:
        keep_note(url)
        status = _status(private / "deep" / "data")
        assert _uids(status) == {pwd.getpwnam("nobody").pw_uid}
        assert {_mask(status, name) for name in ("CapPrm", "CapEff", "CapAmb")} <= {_READ_SEARCH, _OVERRIDE}
        assert status["NoNewPrivs"] == "1"
        assert "is lent CAP_DAC_" in (private / "deep" / "data" / "postgres.log").read_text()
        assert status["Groups"] == ""
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert private.stat().st_uid == 0
    with EmbeddedPostgres(private / "deep" / "data") as url:
        assert notes(url) == 1


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_virtual_environment_below_a_private_folder_will_do(tmp_path: Path, umask: int) -> None:
    packages = tmp_path / "packages"
    packages.mkdir(mode=0o700)
    wheel = newest().folder.parents[1]
    copy_folder(wheel, packages)
    if (libraries := wheel.with_name(f"{wheel.name}.libs")).exists():
        copy_folder(libraries, packages)
    for path in packages.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~umask)
    with Session(tmp_path / "data", before=[str(packages)]) as session:
        keep_note(session.url)
        program = Path(f"/proc/{server_pid(tmp_path / 'data')}/exe").readlink()
        assert program.is_relative_to(packages)
        lent = _READ_SEARCH if umask == 0o022 else _OVERRIDE
        assert _mask(_status(tmp_path / "data"), "CapEff") in {lent, _OVERRIDE}
    shutil.rmtree(packages)


def test_where_everybody_can_enter_it_has_no_capability_at_all(open_folder: Path) -> None:
    if not _nobody_can_run(str(newest().postgres)):
        pytest.skip("the virtual environment lies below a private folder")
    with EmbeddedPostgres(open_folder / "data"):
        status = _status(open_folder / "data")
        assert {_mask(status, name) for name in ("CapPrm", "CapEff", "CapAmb", "CapInh")} == {0}


def test_a_container_without_read_search_lends_override(tmp_path: Path) -> None:
    with Session(tmp_path / "data", prefix=_without("dac_read_search")) as session:
        keep_note(session.url)
        assert _mask(_status(tmp_path / "data"), "CapEff") == _OVERRIDE


def test_groups_of_root_are_not_lent(tmp_path: Path) -> None:
    with Session(tmp_path / "data", prefix=[_setpriv(), "--groups=0,4"]) as session:
        keep_note(session.url)
        assert _status(tmp_path / "data")["Groups"] == ""


def test_with_no_capability_to_lend_it_says_what_to_do(tmp_path: Path) -> None:
    launcher = [sys.executable, str(process._LAUNCH), str(os.getpid()), "signal", "65534", "65534"]
    answer = subprocess.run(  # noqa: S603
        [*_without("dac_read_search", "dac_override"), *launcher, str(tmp_path), "/bin/true"],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert answer.returncode == 1
    assert "start the dashboard as an ordinary user" in answer.stderr


def test_a_folder_of_an_ordinary_user_stays_that_users(open_folder: Path) -> None:
    folder = open_folder / "data"
    folder.mkdir()
    user = next(entry for entry in pwd.getpwall() if entry.pw_name in {"daemon", "bin", "mail"})
    os.chown(folder, user.pw_uid, user.pw_gid)
    with EmbeddedPostgres(folder):
        assert _uids(_status(folder)) == {user.pw_uid}
    assert {path.lstat().st_uid for path in (folder, *folder.rglob("*"))} == {user.pw_uid}


def test_a_backup_that_root_brought_back_runs(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as url:
        keep_note(url)
    shutil.copytree(tmp_path / "data", tmp_path / "restored")
    assert (tmp_path / "restored" / "cluster").stat().st_uid == 0
    with EmbeddedPostgres(tmp_path / "restored") as url:
        assert notes(url) == 1


def test_an_ordinary_user_runs_it_as_itself(open_folder: Path) -> None:
    python = _python_for_everybody()
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    become = [_setpriv(), "--reuid=65534", "--regid=65534", "--clear-groups"]
    with Session(home / "data", prefix=become, python=python) as session:
        keep_note(session.url)
        assert session.owner
        status = _status(home / "data")
        assert _uids(status) == {65534}
        assert _mask(status, "CapPrm") == 0
        pid = server_pid(home / "data")
        session.kill()
        with EmbeddedPostgres(home / "data") as url:
            assert notes(url) == 1
            assert server_pid(home / "data") != pid


def test_an_ordinary_user_gets_no_folder_of_another(open_folder: Path) -> None:
    python = _python_for_everybody()
    folder = open_folder / "data"
    folder.mkdir(mode=0o755)
    become = [_setpriv(), "--reuid=65534", "--regid=65534", "--clear-groups"]
    with Session(folder, prefix=become, python=python) as session:
        assert "belongs to user 0, but this process runs as user 65534" in str(session.report.get("error"))


def test_every_process_of_the_server_runs_with_the_same_rights(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "data") as url, psycopg.connect(url) as session:
        row = session.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        assert _uids(_status_of(int(row[0]))) == {pwd.getpwnam("nobody").pw_uid}


def _status(folder: Path) -> dict[str, str]:
    return _status_of(server_pid(folder))


def _status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _uids(status: dict[str, str]) -> set[int]:
    return {int(number) for number in status["Uid"].split()}


def _mask(status: dict[str, str], name: str) -> int:
    return int(status[name], 16)


def _setpriv() -> str:
    found = shutil.which("setpriv")
    if found is None:
        pytest.skip("needs setpriv of util-linux")
    return found


def _without(*capabilities: str) -> list[str]:
    return [_setpriv(), "--bounding-set", ",".join(f"-{name}" for name in capabilities)]


def _nobody_can_run(*command: str) -> bool:
    try:
        return (
            subprocess.run(  # noqa: S603
                [*command, "--version"],
                check=False,
                stdout=subprocess.DEVNULL,
                user=65534,
                group=65534,
                extra_groups=[],
            ).returncode
            == 0
        )
    except PermissionError:
        return False


def _python_for_everybody() -> str:
    """Return an interpreter of our version that an ordinary user can run; ours may lie below /root."""
    if not _nobody_can_run(str(newest().postgres)):
        pytest.skip("the virtual environment lies below a private folder")
    named = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/local/bin/{named}", f"/usr/bin/{named}"):
        if Path(python).exists() and _nobody_can_run(python):
            return python
    pytest.skip(f"no {named} that an ordinary user can run")
