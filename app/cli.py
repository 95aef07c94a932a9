"""The command line."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from adapters.embedded import EmbeddedPostgresError
from app import bench as bench_command
from app import commands, meter_files
from app import export as export_command
from app.logging import configure_logging
from app.providers import PACKAGE
from app.serving import AddressError
from app.settings import VARIABLES, ProcessRole, Settings, SettingsError, read_settings, variables_table
from app.storage import StorageError
from domain.operations.model import Role
from domain.shared.errors import DomainError, InvalidError

Command = Callable[[Settings, argparse.Namespace], int]
_MISUSE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        settings = _settings(given)
        configure_logging(settings.log_format, debug=settings.debug)
        command: Command = given.command
        return command(settings, given)
    except SettingsError as error:
        return _complain(*error.faults, code=_MISUSE)
    except InvalidError as error:
        lines = [f"{one.pointer}: {one.detail} ({one.code})" for one in error.problems]
        return _complain(error.detail, *lines)
    except (StorageError, AddressError, EmbeddedPostgresError) as error:
        return _complain(str(error))
    except DomainError as error:
        return _complain(error.detail)
    except KeyboardInterrupt:
        return 130


def _complain(*lines: str, code: int = 1) -> int:
    for line in lines:
        sys.stderr.write(f"energy-dashboard: {line}\n")
    return code


def _settings(given: argparse.Namespace) -> Settings:
    """Return the environment's settings with what the command line says in their place."""
    environment = dict(os.environ)
    for name in ("database_url", "data_dir", "host", "port", "role", "iots_config"):
        value = getattr(given, name, None)
        if value is not None:
            environment[name.upper()] = str(value)
    settings = read_settings(environment)
    logging.captureWarnings(capture=True)
    return replace(settings, data_dir=settings.data_dir and settings.data_dir.expanduser().resolve())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="energy-dashboard",
        description="Gathers energy data, understands it and acts on it.",
        epilog="Variables of the environment or a .env file, explained by `energy-dashboard variables`: "
        + ", ".join(one.name for one in VARIABLES),
    )
    parser.add_argument("--version", action="version", version=f"{PACKAGE} {version(PACKAGE)}")
    commands_ = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Command, help_: str) -> argparse.ArgumentParser:
        one = commands_.add_parser(name, help=help_, description=help_)
        one.add_argument("--data-dir", metavar="DIR", help="the embedded database and its files")
        one.add_argument(
            "--database-url", metavar="URL", help="the database (DATABASE_URL); wins over the embedded one"
        )
        one.set_defaults(command=command)
        return one

    serve = add("serve", commands.serve, "run the service")
    demo = add("demo", commands.demo, "run the service on a simulated building with 28 days of history")
    for one in (serve, demo):
        one.add_argument("--host", help="the address to listen on (HOST)")
        one.add_argument("--port", help="the port to listen on, 0 for a free one (PORT)")
    serve.add_argument("--role", choices=[role.value for role in ProcessRole], help="what to do (ROLE)")
    serve.add_argument(
        "--workers", type=int, choices=range(1, 65), default=1, metavar="N", help="so many processes"
    )
    serve.add_argument("--iots-config", type=Path, metavar="FILE", help="the devices (IOTS_CONFIG)")

    migrate = add("migrate", commands.migrate, "bring the database to the newest revision")
    migrate.add_argument("--sql", action="store_true", help="print the whole script and change nothing")
    migrate.add_argument("--to", metavar="REV", default="head", help="another revision, older ones too")
    check = add("check", commands.check, "validate settings, configuration, database and roles")
    check.add_argument("--iots-config", type=Path, metavar="FILE", help="the devices (IOTS_CONFIG)")

    poll = add("poll", commands.poll, "poll one device now and show what came of it")
    poll.add_argument("device", metavar="DEVICE", help="its name in the IoT configuration")
    poll.add_argument("--iots-config", type=Path, metavar="FILE", help="the devices (IOTS_CONFIG)")

    meter_files.add_import_arguments(
        add("import", meter_files.import_files, "read meter files of this machine")
    )
    meter_files.add_scan_arguments(
        add("scan", meter_files.scan, "look through the FTP server once, and read what is new")
    )

    export_command.add_arguments(
        add("export", export_command.export, "write readings, or buckets of them, as CSV or Parquet")
    )

    bench_command.add_arguments(add("bench", bench_command.bench, "measure this program on this machine"))

    key = commands_.add_parser("key", help="make, list and revoke API keys")
    key_commands = key.add_subparsers(required=True, metavar="COMMAND")
    _add_key_commands(key_commands)

    add("variables", _variables, "list the environment's variables")
    return parser


def _variables(_: Settings, __: argparse.Namespace) -> int:
    sys.stdout.write(variables_table() + "\n")
    return 0


def _add_key_commands(keys: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    create = keys.add_parser("create", help="make a key and print it alone")
    create.add_argument("--role", dest="key_role", choices=[role.value for role in Role], required=True)
    create.add_argument("--name", required=True)
    listing = keys.add_parser("list", help="list all keys")
    revoke = keys.add_parser("revoke", help="make a key open nothing from now on")
    revoke.add_argument("key_id", metavar="ID")
    for one, command in (
        (create, commands.create_key),
        (listing, commands.list_keys),
        (revoke, commands.revoke_key),
    ):
        one.add_argument("--data-dir", metavar="DIR", help="the embedded database and its files")
        one.add_argument("--database-url", metavar="URL", help="the database (DATABASE_URL)")
        one.set_defaults(command=command)


if __name__ == "__main__":
    sys.exit(main())
