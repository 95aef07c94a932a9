"""What the commands of the command line do."""

import argparse
import asyncio
import io
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from dishka import AsyncContainer, Provider
from rich.console import Console
from rich.table import Table

from app import serving, storage, watch
from app.background import BACKGROUND
from app.container import make_container
from app.demo import Demo
from app.ingestion_providers import LookingProvider
from app.settings import Settings
from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import FileServer
from domain.ingestion.model import DeviceId
from domain.ingestion.ports import IotConfigurationSource
from domain.ingestion.services.check_configuration import CheckConfiguration, CheckedDocument
from domain.ingestion.services.poll_now import PollNow
from domain.operations.model import ApiKeyId, Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.errors import InvalidError
from domain.shared.events import Actor
from domain.shared.ports import Clock
from migrations import run

Result = TypeVar("Result")
_CLI: Final = Actor("cli")
_DEMO_KEY_TERM: Final = timedelta(days=1)
_DEMO_SCANS_EVERY: Final = 900.0
_out: Final = Console()
_err: Final = Console(stderr=True)


def serve(settings: Settings, given: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    listener = serving.bound(settings.host, settings.port)
    with storage.prepared(settings) as prepared:
        settings = prepared.settings
        asyncio.run(_check_devices(settings))
        secret = asyncio.run(_with(settings, _bootstrap))
        url = serving.url_of(listener)
        if secret is not None and settings.bootstrap_admin_key is None:
            _tell_secret(url, secret)
        if given.workers > 1:
            serving.serve_in_processes(settings, listener, given.workers)
        else:
            serving.serve(
                settings,
                listener,
                background=(*BACKGROUND, watch.watched) if prepared.embedded else BACKGROUND,
                started=lambda: _tell(f"Energy Dashboard serves {url}"),
            )
    return int(watch.lost)


def _tell_secret(url: str, secret: str) -> None:
    if sys.stdout.isatty():
        _tell(f"First start. This admin key is shown once: {secret}\nOpen {url}/dashboard#key={secret}")
    else:
        _tell(
            "First start. An admin key was made, and is not shown since this is no terminal: "
            "make one with `energy-dashboard key create --role admin --name NAME`, or set BOOTSTRAP_ADMIN_KEY"
        )


def demo(settings: Settings, _: argparse.Namespace) -> int:
    """Run the service on a simulated building."""
    listener = _free(settings)
    with storage.prepared(settings, folder="demo") as prepared:
        data_dir = settings.data_dir or storage.default_data_dir() / "demo"
        data_dir.mkdir(parents=True, exist_ok=True)
        file = data_dir / "iots-demo.json"
        file.touch()
        # The neighbours' files grow with each quarter of an hour.
        settings = replace(
            prepared.settings,
            data_dir=data_dir,
            iots_config=file,
            ftp_check_interval=min(settings.ftp_check_interval, _DEMO_SCANS_EVERY),
        )
        simulated = Demo(file, data_dir / "meter-files", data_dir / "simulated-orders.jsonl")
        secret = asyncio.run(_with(settings, _demo_key))
        link = f"{serving.url_of(listener)}/dashboard#key={secret}"
        serving.serve(
            settings,
            listener,
            simulated.provider,
            background=(*simulated.background, watch.watched),
            started=lambda: _tell(f"Open {link}\n(the key in it is good for one day; data in {data_dir})"),
        )
    return int(watch.lost)


def migrate(settings: Settings, given: argparse.Namespace) -> int:
    """Migrate, or print the script that would."""
    if given.sql:
        text = io.StringIO()
        run.script(text, given.to)
        sys.stdout.write(text.getvalue())
        return 0
    with storage.opened(settings) as opened:
        before = storage.revision_of(opened.owner_url)
        if given.to != "head" and before is not None and given.to < before:
            storage.downgrade(opened.owner_url, given.to)
        else:
            storage.migrate(opened.owner_url, given.to)
        after = storage.revision_of(opened.owner_url)
    _tell(f"revision {before or 'none'} -> {after or 'none'}")
    return 0


def check(settings: Settings, _: argparse.Namespace) -> int:
    """Look at settings, devices, database and roles, and say what to mend."""
    faults: list[str] = []
    table = Table("what", "state", show_header=True)
    table.add_row("settings", "ok")
    try:
        found = asyncio.run(_file(settings)) if settings.iots_config else None
        devices = 0 if found is None else len(found.configuration.devices)
        table.add_row("devices", "no IOTS_CONFIG" if found is None else f"{devices} configured")
        if found is not None and found.warnings:
            table.add_row("hosts", f"{len(found.warnings)} not allowed, those devices are not polled")
    except InvalidError as error:
        table.add_row("devices", f"{len(error.problems)} faults")
        faults += [f"{one.pointer}: {one.detail} ({one.code})" for one in error.problems]
    if settings.ftp_sa4cps_host is not None:
        fault = asyncio.run(_ftp_fault(settings))
        table.add_row("FTP server", "ok" if fault is None else "cannot be used")
        faults += [] if fault is None else [fault]
    try:
        with storage.opened(settings) as opened:
            url = opened.settings.database_url or opened.owner_url
            missing = storage.missing_roles_of(url)
            table.add_row("database", "embedded" if opened.embedded else "reached")
            if opened.embedded:
                storage.migrate(opened.owner_url)  # as each start does
            table.add_row("roles", f"missing: {', '.join(missing)}" if missing else "ok")
            if missing:
                faults.append("have a DBA run migrations/roles.sql (see migrations/README.md)")
            table.add_row("revision", f"{storage.revision_of(url) or 'none'} (this program: {run.head()})")
            storage.check_revision(url)
    except storage.StorageError as error:
        faults.append(str(error))
    _out.print(table)
    for fault in faults:
        _err.print(fault, markup=False, highlight=False)
    return 1 if faults else 0


def poll(settings: Settings, given: argparse.Namespace) -> int:
    """Poll a device once."""

    async def act(container: AsyncContainer) -> int:
        poll_now: PollNow = await container.get(PollNow)
        found = await poll_now(DeviceId(given.device))
        table = Table("tag", "sensor", "value", "unit", "time", "stored", title=given.device)
        for one in found.values:
            value = one.value
            shown = str(value.value) if value.fault is None else f"{value.fault.code}: {value.fault.detail}"
            table.add_row(
                str(value.tag),
                value.sensor_id or "",
                shown,
                value.unit or "",
                "" if value.time is None else value.time.isoformat(),
                "yes" if one.stored else "no",
            )
        if found.values:
            _out.print(table)
        if found.fault is not None:
            _err.print(f"{found.fault.code}: {found.fault.detail}", markup=False)
        return 0 if found.fault is None else 1

    with storage.prepared(settings) as prepared:
        return asyncio.run(_with(prepared.settings, act, LookingProvider()))


def create_key(settings: Settings, given: argparse.Namespace) -> int:
    """Make a key, and print it alone."""

    async def act(container: AsyncContainer) -> str:
        keys: ApiKeys = await container.get(ApiKeys)
        _, secret = await keys.create(given.name, Role(given.key_role), actor=_CLI)
        return secret

    with storage.prepared(settings) as prepared:
        sys.stdout.write(asyncio.run(_with(prepared.settings, act)) + "\n")
    return 0


def list_keys(settings: Settings, _: argparse.Namespace) -> int:
    """List all keys, without their secrets."""

    async def act(container: AsyncContainer) -> list[tuple[str, ...]]:
        keys: ApiKeys = await container.get(ApiKeys)
        clock: Clock = await container.get(Clock)
        return [
            (
                str(key.key_id),
                key.name,
                key.role.value,
                f"{key.created_at:%Y-%m-%d %H:%M}",
                "" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
                "valid" if key.is_valid(clock.now()) else "revoked" if key.revoked_at else "expired",
            )
            for key in await keys.list()
        ]

    with storage.prepared(settings) as prepared:
        rows = asyncio.run(_with(prepared.settings, act))
    headings = ("id", "name", "role", "created", "expires", "state")
    if not _out.is_terminal:  # a line a key for programs, fields between tabs
        sys.stdout.writelines("\t".join(row) + "\n" for row in (headings, *rows))
        return 0
    table = Table()
    table.add_column("id", no_wrap=True)
    for heading in headings[1:]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    _out.print(table)
    return 0


def revoke_key(settings: Settings, given: argparse.Namespace) -> int:
    """Make a key open nothing from now on."""
    try:
        key_id = ApiKeyId(UUID(given.key_id))
    except ValueError as error:
        raise InvalidError("invalid_id", f"{given.key_id!r} is no id of a key (see `key list`)") from error

    async def act(container: AsyncContainer) -> None:
        keys: ApiKeys = await container.get(ApiKeys)
        await keys.revoke(key_id, actor=_CLI)

    with storage.prepared(settings) as prepared:
        asyncio.run(_with(prepared.settings, act))
    return 0


async def _with(
    settings: Settings, act: Callable[[AsyncContainer], Awaitable[Result]], *overrides: Provider
) -> Result:
    async with _container(settings, *overrides) as container:
        return await act(container)


@asynccontextmanager
async def _container(settings: Settings, *overrides: Provider) -> AsyncIterator[AsyncContainer]:
    container = make_container(settings, *overrides)
    try:
        yield container
    finally:
        await container.close()


async def _bootstrap(container: AsyncContainer) -> str | None:
    keys: ApiKeys = await container.get(ApiKeys)
    settings: Settings = await container.get(Settings)
    return await keys.bootstrap(settings.bootstrap_admin_key)


async def _demo_key(container: AsyncContainer) -> str:
    keys: ApiKeys = await container.get(ApiKeys)
    clock: Clock = await container.get(Clock)
    _, secret = await keys.create("demo", Role.ADMIN, actor=_CLI, expires_at=clock.now() + _DEMO_KEY_TERM)
    return secret


async def _file(settings: Settings) -> CheckedDocument:
    async with _container(settings) as container:
        check: CheckConfiguration = await container.get(CheckConfiguration)
        return await check.file()


async def _ftp_fault(settings: Settings) -> str | None:
    """Log in; return what keeps the server from being used."""
    async with _container(settings) as container:
        server: FileServer | None = await container.get(FileServer | None)
        if server is None:
            return None
        try:
            async with server.connect():
                return None
        except FileServerError as error:
            return f"{error.fault.detail} ({error.fault.code})"


async def _check_devices(settings: Settings) -> None:
    """Refuse to start with a file that has faults, and say all of them.

    Where a version is in force already the start goes on with it, and the log says what is wrong.
    """
    async with _container(settings) as container:
        source: IotConfigurationSource = await container.get(IotConfigurationSource)
        await source.load()


def _free(settings: Settings) -> socket.socket:
    """Return a listening socket; the demo takes any free port where the usual one is taken."""
    try:
        return serving.bound(settings.host, settings.port)
    except serving.AddressError:
        return serving.bound(settings.host, 0)


def _tell(text: str) -> None:
    _out.print(text, markup=False, highlight=False, soft_wrap=True)
