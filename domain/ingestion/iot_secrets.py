"""What may not stand in an IoT configuration: secrets, and the product's own."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from domain.ingestion.iot_configuration import AuthType, DeviceAuth
from domain.ingestion.iot_fields import Fields, pointer_to
from domain.ingestion.secret_looks import (
    is_secret,
    looks_random,
    names_secret,
    secret_in_text,
    secret_in_url,
)

_Place = tuple["_Place | None", str | int]
"""The place of what holds a value, and its key or number there."""

HOW_TO: Final = (
    'set it in the environment and name the variable: "auth": {"type": "basic", "env": "NAME"} (NAME holds '
    'user:password), {"type": "bearer", "env": "NAME"} or {"type": "header", '
    '"header": "X-Api-Key", "env": "NAME"}'
)
_LONGEST_TEXT: Final = 65_536
_VALUES: Final = ("value", "val", "v", "data", "content")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OWN_HEADERS: Final = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "accept-encoding",
    }
)
_OWN_VARIABLES: Final = frozenset(
    {
        "DATABASE_URL",
        "MIGRATION_DATABASE_URL",
        "REDIS_URL",
        "BOOTSTRAP_ADMIN_KEY",
        "FTP_SA4CPS_PASSWORD",
        "POSTGRES_PASSWORD",
        "SERVICE_PASSWORD",
        "PGPASSWORD",
    }
)
"""A configuration sends what it names to a device: none of these may leave."""


def read_headers(fields: Fields) -> dict[str, str]:
    """Return the request's headers where they hold no secret and do not cut into HTTP itself."""
    headers = fields.texts("headers")
    pointer = fields.at("headers")
    for name in headers:
        place = pointer_to(pointer, name)
        if names_secret(name, headers[name]) or is_secret(headers[name]):
            fields.faults.add(place, "secret_in_file", f"{name} is a secret and may not stand here: {HOW_TO}")
        elif not _TOKEN.fullmatch(name) or name.lower() in _OWN_HEADERS:
            fields.faults.add(place, "invalid_header", f"{name!r} cannot be set as a header")
        elif not headers[name].isascii():
            fields.faults.add(place, "invalid_header", f"{name} may hold ASCII characters only")
    return headers


def read_url(fields: Fields, name: str) -> str | None:
    """Return an absolute http or https URL without a secret."""
    url = fields.text(name, required=True)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or not url.isascii()
        or any(c.isspace() for c in url)
    ):
        fields.fault(name, "invalid_uri", f"{name} has to be http://host/... or https://host/...")
        return None
    if not _has_possible_port(parts):
        fields.fault(name, "invalid_uri", f"the port in {name} has to be a number from 1 to 65535")
        return None
    if parts.username is not None or parts.password is not None:
        fields.fault(
            name, "secret_in_file", f"{name} holds a user or password, which may not stand here: {HOW_TO}"
        )
        return None
    key = secret_in_url(url)
    if key is not None:
        fields.fault(name, "secret_in_file", f"{key} in {name} is a secret and may not stand here: {HOW_TO}")
        return None
    return url


def _has_possible_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def read_labels(fields: Fields) -> dict[str, str]:
    """Return the labels where they hold no secret: everybody sees them."""
    labels = fields.texts("labels")
    for name, value in labels.items():
        if names_secret(name, value) or is_secret(value):
            place = pointer_to(fields.at("labels"), name)
            fields.faults.add(place, "secret_in_file", f"{name} is a secret and may not stand here: {HOW_TO}")
    return labels


def read_auth(fields: Fields) -> DeviceAuth | None:
    """Return how the device is told who asks; the secret itself is refused."""
    auth = fields.nested("auth")
    if auth is None:
        return None
    kind = auth.word("type", AuthType, required=True)
    env = auth.text("env", required=True)
    header = auth.text("header", longest=100) if kind is AuthType.HEADER else None
    for name in ("password", "username", "user", "token", "secret", "key", "value"):
        if auth.has(name):
            auth.value(name)
            auth.fault(name, "secret_in_file", f"{name} may not stand here: {HOW_TO}")
    auth.close()
    if env is not None and (not _VARIABLE.fullmatch(env) or is_secret(env) or looks_random(env)):
        # The text itself is not shown: it may be the secret, put in the wrong place.
        auth.fault(
            "env", "invalid_env", f"env is the name of an environment variable, not a secret: {HOW_TO}"
        )
        return None
    if env is not None and env.upper() in _OWN_VARIABLES:
        auth.fault("env", "reserved_env", f"{env} is a secret of this product, which no device may get")
        return None
    if kind is AuthType.HEADER and (
        header is None or not _TOKEN.fullmatch(header) or header.lower() in _OWN_HEADERS
    ):
        auth.fault(
            "header", "invalid_header", 'header names the header that carries the secret, as "X-Api-Key"'
        )
        return None
    return None if kind is None or env is None else DeviceAuth(kind, env, header)


def refuse_secrets(fields: Fields, name: str, value: object) -> None:
    """Report every secret in a JSON value: by the name of its key, or by its own look.

    Texts that are too long to be looked through are reported too.
    """
    for place, key, inner in _entries(value):
        if isinstance(inner, str) and len(inner) > _LONGEST_TEXT:
            fields.faults.add(
                _pointer(fields, name, place),
                "too_long",
                f"a text here has {_LONGEST_TEXT:,} characters at most",
            )
            continue
        if isinstance(key, str) and names_secret(key, inner):
            _refuse(fields, name, place, repr(key))
        elif isinstance(inner, str):
            found = secret_in_text(inner)
            if found is not None:
                _refuse(fields, name, place, repr(found))
        elif isinstance(inner, dict) and _names_by_value(inner):
            _refuse(fields, name, place, "what is named here")


def _names_by_value(entry: dict[str, object]) -> bool:
    """Return whether this is ``{"name": "password", "value": ...}``."""
    if not any(key in entry for key in _VALUES):
        return False
    named = [one for key, one in entry.items() if key not in _VALUES]
    return any(isinstance(one, str) and names_secret(one, None) for one in named)


def _refuse(fields: Fields, name: str, place: _Place | None, what: str) -> None:
    pointer = _pointer(fields, name, place)
    fields.faults.add(pointer, "secret_in_file", f"{what} is a secret and may not stand here: {HOW_TO}")


def _pointer(fields: Fields, name: str, place: _Place | None) -> str:
    segments: list[str | int] = []
    while place is not None:
        place, segment = place
        segments.append(segment)
    pointer = fields.at(name)
    for segment in reversed(segments):
        pointer = pointer_to(pointer, segment)
    return pointer


def _entries(value: object) -> Iterator[tuple[_Place | None, str | int | None, object]]:
    """Yield every value inside, with its place and its key; places are put into words only for faults."""
    waiting: list[tuple[_Place | None, str | int | None, object]] = [(None, None, value)]
    while waiting:
        place, key, current = waiting.pop()
        yield place, key, current
        if isinstance(current, dict):
            waiting.extend(((place, inner), inner, one) for inner, one in current.items())
        elif isinstance(current, list):
            waiting.extend(((place, number), number, one) for number, one in enumerate(current))
