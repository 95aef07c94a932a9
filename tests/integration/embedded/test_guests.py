import fcntl
import os
import signal
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded import postgres as module
from tests.integration.embedded.processes import (
    Session,
    answers,
    copy_folder,
    keep_note,
    notes,
    runs,
    server_pid,
    wait_until,
)


def test_of_processes_that_start_together_one_owns_and_the_others_are_guests(new_folder: Path) -> None:
    with Session(new_folder) as one, Session(new_folder) as two, Session(new_folder) as three:
        sessions = [one, two, three]
        assert len({session.url for session in sessions}) == 1
        assert sorted(session.owner for session in sessions) == [False, False, True]
        owner = next(session for session in sessions if session.owner)
        keep_note(owner.url)
        pid = server_pid(new_folder)
        for guest in sessions:
            if guest is not owner:
                assert notes(guest.url) == 1
                guest.finish()
                assert runs(pid, new_folder)
                assert answers(owner.url)
        owner.finish()
        assert not runs(pid, new_folder)


def test_a_second_object_in_the_same_process_is_a_guest(folder: Path, postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    guest = EmbeddedPostgres(folder)
    assert guest.start() == url
    assert not guest.owner
    guest.stop()
    assert answers(url)


def test_a_guest_becomes_the_owner_once_the_owner_has_gone(folder: Path, postgres: EmbeddedPostgres) -> None:
    with Session(folder) as owner:
        first = owner.url
        assert postgres.start() == first
        assert not postgres.owner
        owner.kill()
        assert postgres.start() != ""
        assert postgres.owner


def test_two_that_wait_for_a_killed_owner_do_not_both_take_over(folder: Path) -> None:
    with Session(folder) as owner:
        keep_note(owner.url)
        owner.process.kill()
        with Session(folder) as one, Session(folder) as two:
            assert sorted([one.owner, two.owner]) == [False, True]
            assert one.url == two.url
            assert notes(one.url) == 1


def test_a_forked_worker_is_a_guest_and_keeps_no_lock(folder: Path, postgres: EmbeddedPostgres) -> None:
    with Session(folder, "fork") as owner:
        assert owner.report["worker"] == {"url": owner.url, "owner": False}
        keep_note(owner.url)
        owner.process.kill()
        owner.process.wait(10)
        url = postgres.start()
        assert postgres.owner, "the worker, which still lives, kept the lock of its killed parent"
        assert notes(url) == 1


def test_an_owner_whose_server_does_not_answer_gives_an_error(
    folder: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GUEST_SECONDS", 0.5)
    with Session(folder) as owner:
        assert owner.owner
        pid = server_pid(folder)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not runs(pid, folder), 5, "the server is dead")
        with pytest.raises(EmbeddedPostgresError, match="Another process owns the database"):
            postgres.start()
        assert not postgres.owner


def test_the_server_of_another_folder_is_never_taken_for_ours(
    tmp_path: Path, folder: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A copy of a folder whose server runs: same password, and a pid file that leads to the original.
    monkeypatch.setattr(module, "_GUEST_SECONDS", 0.5)
    postgres.start()
    copy = tmp_path / "copy"
    copy_folder(folder, copy)
    with (copy / "embedded.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedPostgresError, match="does not answer"):
            EmbeddedPostgres(copy).start()
