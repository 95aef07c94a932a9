import json
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from migrations.run import head
from tests.e2e.programs import run
from tests.unit.architecture.test_documents import blocks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose embedded database is made by the first command and used by the next."""
    made = tmp_path_factory.mktemp("command-line")
    yield made
    shutil.rmtree(made)


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"power": 1500, "mode": "cool", "level": None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


@pytest.fixture(scope="module")
def device() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/status"
        server.shutdown()
        thread.join()


def configuration(file: Path, *devices: object) -> Path:
    file.write_text(json.dumps({"resources": {"monitoring_period": 5, "iots": list(devices)}}))
    return file


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("RETENTION_DAYS", "-1"),
        ("TIMEZONE", "Lisbon"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_URL", "mysql://here"),
        ("IOTS_CONFIG", "not-there.json"),
    ],
)
def test_a_wrong_variable_stops_the_start_with_one_line(tmp_path: Path, name: str, value: str) -> None:
    for command in ("serve", "check"):
        done = run(command, folder=tmp_path, **{name: value})
        assert done.returncode != 0
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(f"energy-dashboard: {name}: ")
    assert not list(tmp_path.iterdir())


def test_each_wrong_variable_has_its_line_and_no_secret_is_told(tmp_path: Path) -> None:
    done = run("serve", folder=tmp_path, PORT="x", DEBUG="perhaps", DATABASE_URL="mysql://u:hunter2@here")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 3
    assert "hunter2" not in done.stderr


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://u:hunter2@127.0.0.1:{taken.getsockname()[1]}/energy"
        done = run("serve", "--port", "0", folder=tmp_path, DATABASE_URL=url)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert "cannot be reached" in done.stderr


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("serve", "--port", str(taken.getsockname()[1]), folder=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "--port" in done.stderr


def test_keys_are_made_listed_and_revoked(folder: Path) -> None:
    made = run(
        "key", "create", "--role", "viewer", "--name", "wall display", "--data-dir", "data", folder=folder
    )
    assert made.returncode == 0, made.stderr
    # The key alone, so that a script can take it.
    assert made.stdout.startswith("ed_")
    assert made.stdout == made.stdout.strip() + "\n"
    listed = run("key", "list", "--data-dir", "data", folder=folder)
    assert made.stdout.strip() not in listed.stdout
    (line,) = [line for line in listed.stdout.splitlines() if "wall display" in line]
    assert "viewer" in line
    assert "valid" in line
    key_id = line.split("\t")[0]
    assert run("key", "revoke", key_id, "--data-dir", "data", folder=folder).returncode == 0
    listed = run("key", "list", "--data-dir", "data", folder=folder)
    assert "revoked" in listed.stdout
    again = run("key", "revoke", "no-id", "--data-dir", "data", folder=folder)
    assert again.returncode == 1
    assert "no-id" in again.stderr


def test_a_poll_shows_what_came_of_it(folder: Path, device: str) -> None:
    values = [
        {"type": "power", "tag": "power", "unit": "W"},
        {"type": "mode", "tag": "mode", "data": "STRING"},
        {"type": "other", "tag": "level"},
        {"type": "temperature", "tag": "sensors.0.t"},
    ]
    file = configuration(
        folder / "iots.json",
        {"name": "AC1", "type": "hvac", "uri": device, "values": values},
        {"name": "gone", "type": "hvac", "uri": "http://127.0.0.1:9/", "values": values[:1]},
    )
    options = ("--data-dir", "data", "--iots-config", str(file))
    done = run("poll", "AC1", *options, folder=folder, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    (power,) = [line for line in done.stdout.splitlines() if "AC1.power" in line]
    assert "1500" in power
    assert "yes" in power
    assert "cool" in done.stdout
    assert "missing" in done.stdout
    away = run("poll", "gone", *options, folder=folder, COLUMNS="200")
    assert away.returncode == 1
    assert "Traceback" not in away.stderr
    unknown = run("poll", "AC9", *options, folder=folder)
    assert unknown.returncode == 1
    assert "AC9" in unknown.stderr


def test_a_device_file_with_mistakes_is_told_all_of_them(folder: Path) -> None:
    file = configuration(
        folder / "wrong.json",
        {"name": "A", "type": "x", "uri": "ftp://here", "values": [{"type": "power", "tag": "p"}]},
        {"name": "A", "type": "x", "uri": "http://127.0.0.1/", "values": [{"type": "heat", "tag": "p"}]},
        {"name": "B", "type": "x", "uri": "http://127.0.0.1/", "values": [{"type": "power"}], "period": -1},
    )
    options = ("--data-dir", "data", "--iots-config", str(file))
    checked = run("check", *options, folder=folder, COLUMNS="200")
    served = run("serve", "--port", "0", *options, folder=folder, COLUMNS="200")
    for done in (checked, served):
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        for place in ("iots/0/uri", "iots/1/name", "iots/1/values/0", "iots/2/values/0", "iots/2/period"):
            assert place in done.stderr, done.stderr


def test_the_sample_configuration_and_the_readmes_are_right(folder: Path) -> None:
    (example,) = [block for block in blocks("json") if '"iots"' in block]
    readme = folder / "readme.json"
    readme.write_text(example)
    sample = Path(__file__).parents[2] / "config" / "iots-right.json"
    for file in (readme, sample):
        done = run(
            "check",
            "--data-dir",
            "data",
            "--iots-config",
            str(file),
            folder=folder,
            SHELLY_LOGIN="a:b",
            POLLER_ALLOWED_HOSTS="192.0.2.0/24",
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_check_says_what_is_there(folder: Path) -> None:
    done = run("check", "--data-dir", "data", folder=folder)
    assert "embedded" in done.stdout
    assert done.returncode in {0, 1}


def test_the_script_of_the_migrations_is_all_that_is_printed(tmp_path: Path) -> None:
    done = run("migrate", "--sql", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--")
    assert f"SET version_num='{head()}'" in done.stdout
    assert not list(tmp_path.iterdir())


def test_there_and_back(folder: Path) -> None:
    for target, said in ((("--to", "0001"), "-> 0001"), ((), f"-> {head()}"), ((), f"{head()} -> {head()}")):
        done = run("migrate", "--data-dir", "back", *target, folder=folder)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["conquer"], ["key"], ["key", "create", "--role", "king", "--name", "x"]]
)
def test_misuse_is_explained(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "usage: energy-dashboard" in done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path).stdout.startswith("energy-dashboard ")
    assert "demo" in run("--help", folder=tmp_path).stdout
    assert "| `DATABASE_URL` |" in run("variables", folder=tmp_path).stdout
