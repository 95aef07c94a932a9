import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.embedded.account import account_for
from adapters.embedded.binaries import newest
from adapters.embedded.process import launch
from tests.integration.embedded.processes import (
    Session,
    keep_note,
    notes,
    runs,
    server_pid,
    wait_until,
)


@pytest.mark.parametrize("options", [(), ("thread",)], ids=["by the kernel", "by the watchdog"])
def test_a_killed_owner_leaves_no_server_and_no_loss(folder: Path, options: tuple[str, ...]) -> None:
    with Session(folder, *options) as owner:
        keep_note(owner.url)
        pid = server_pid(folder)
        assert runs(pid, folder)
        owner.kill()
        wait_until(lambda: not runs(pid, folder), 5, "the server ends after its owner")
    with EmbeddedPostgres(folder) as url:
        assert notes(url) == 1


def test_the_next_start_need_not_wait_for_the_server_of_a_killed_owner(
    folder: Path, postgres: EmbeddedPostgres
) -> None:
    with Session(folder) as owner:
        keep_note(owner.url)
        owner.process.kill()
        owner.process.wait(10)  # else it may still hold the folder
        url = postgres.start()
    assert postgres.owner
    assert notes(url) == 1


def test_an_owner_killed_during_its_first_start_does_no_harm(
    new_folder: Path, first: EmbeddedPostgres
) -> None:
    with Session(new_folder) as owner:
        wait_until(lambda: any(new_folder.glob("cluster.new-*/base/1/*")), 30, "initdb is at work")
        assert not (new_folder / "cluster").exists()
        owner.kill()
    assert any(new_folder.glob("cluster.new-*")), "initdb had already ended, so nothing is shown"
    keep_note(first.start())
    first.stop()
    assert notes(first.start()) == 1
    assert not any(new_folder.glob("cluster.new-*"))


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.04, 0.06, 0.08])
def test_an_owner_killed_during_a_restart_does_no_harm(folder: Path, delay: float) -> None:
    with EmbeddedPostgres(folder) as url:
        keep_note(url)
    known = (folder / "postgres.log").stat().st_size
    with Session(folder) as owner:
        wait_until((folder / "embedded.lock").exists, 5, "the folder is there")
        wait_until(lambda: (folder / "postgres.log").stat().st_size > known, 10, "the server starts")
        time.sleep(delay)
        owner.kill()
        with EmbeddedPostgres(folder) as url:
            assert notes(url) == 1


def test_a_killed_server_starts_again_and_has_lost_nothing(folder: Path, postgres: EmbeddedPostgres) -> None:
    keep_note(postgres.start())
    pid = server_pid(folder)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not runs(pid, folder), 5, "the server is dead")
    assert notes(postgres.start()) == 1
    assert postgres.owner
    assert server_pid(folder) != pid


def test_a_killed_server_starts_again_in_a_new_process(folder: Path, postgres: EmbeddedPostgres) -> None:
    with Session(folder) as owner:
        keep_note(owner.url)
        os.kill(server_pid(folder), signal.SIGKILL)
        owner.kill()
    assert notes(postgres.start()) == 1


@pytest.mark.parametrize("whose", ["a living process of somebody else", "nobody any more", "ours"])
def test_a_stale_pid_file_is_no_server(folder: Path, postgres: EmbeddedPostgres, whose: str) -> None:
    keep_note(postgres.start())
    pid_file = folder / "cluster" / "postmaster.pid"
    content = pid_file.read_text().partition("\n")[2]
    os.kill(server_pid(folder), signal.SIGKILL)
    postgres.stop()
    # Of the same user, since PostgreSQL itself passes over processes that it may not signal.
    user = account_for(folder).uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=user) as other:
        if whose == "nobody any more":
            other.communicate()
        pid_file.write_text(f"{os.getpid() if whose == 'ours' else other.pid}\n{content}")
        assert notes(postgres.start()) == 1
        assert postgres.owner
        assert other.poll() is None or whose == "nobody any more", "it ended a process of somebody else"


@pytest.mark.parametrize("content", ["", "no number\n", "4711"])
def test_a_damaged_pid_file_does_not_stand_in_the_way(
    folder: Path, postgres: EmbeddedPostgres, content: str
) -> None:
    keep_note(postgres.start())
    postgres.stop()
    (folder / "cluster" / "postmaster.pid").write_text(content)
    assert notes(postgres.start()) == 1


def test_a_server_without_an_owner_is_ended(folder: Path, postgres: EmbeddedPostgres) -> None:
    pid_file = folder / "cluster" / "postmaster.pid"
    with launch(
        [str(newest().postgres), "-D", str(folder / "cluster"), "-c", "unix_socket_directories="],
        account_for(folder),
        folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as stray:
        try:
            wait_until(
                lambda: pid_file.exists() and "ready" in pid_file.read_text(), 10, "the stray is ready"
            )
            keep_note(postgres.start())
            assert postgres.owner
            assert stray.wait(5) == 0
        finally:
            stray.kill()
