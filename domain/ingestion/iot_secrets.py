"""What may not stand in an IoT configuration: secrets, and the product's own."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from domain.ingestion.iot_configuration import AuthType, DeviceAuth
from domain.ingestion.iot_fields import Fields, pointer_to

HOW_TO: Final = (
    'set it in the environment and name the variable: "auth": {"type": "basic", "env": "NAME"} (NAME holds '
    'user:password), {"type": "bearer", "env": "NAME"} or {"type": "header", '
    '"header": "X-Api-Key", "env": "NAME"}'
)
_SECRET_NAME: Final = re.compile(
    r"authori[sz]ation|cookie|api[-_ ]?key|access[-_ ]?key|token|secret|passw|pwd|credential|x-auth",
    re.IGNORECASE,
)
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
    {"DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL", "BOOTSTRAP_ADMIN_KEY", "FTP_SA4CPS_PASSWORD"}
)
"""A configuration sends what it names to a device: none of these may leave."""


def read_headers(fields: Fields) -> dict[str, str]:
    """Return the request's headers where they hold no secret and do not cut into HTTP itself."""
    headers = fields.texts("headers")
    pointer = fields.at("headers")
    for name in headers:
        place = pointer_to(pointer, name)
        if _SECRET_NAME.search(name):
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
        host, _ = parts.hostname, parts.port
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
    if parts.username is not None or parts.password is not None:
        fields.fault(
            name, "secret_in_file", f"{name} holds a user or password, which may not stand here: {HOW_TO}"
        )
        return None
    for key, _ in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=None):
        if _SECRET_NAME.search(key):
            fields.fault(
                name, "secret_in_file", f"{key} in {name} is a secret and may not stand here: {HOW_TO}"
            )
            return None
    return url


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
    if env is not None and not _VARIABLE.fullmatch(env):
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
    """Report every key of a JSON value that names a secret."""
    for pointer, key in _keys(value, fields.at(name)):
        if _SECRET_NAME.search(key):
            fields.faults.add(
                pointer, "secret_in_file", f"{key!r} is a secret and may not stand here: {HOW_TO}"
            )


def _keys(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, object]] = [(pointer, value)]
    while waiting:
        place, current = waiting.pop()
        if isinstance(current, dict):
            for key, inner in current.items():
                yield pointer_to(place, key), key
                waiting.append((pointer_to(place, key), inner))
        elif isinstance(current, list):
            waiting.extend((pointer_to(place, number), inner) for number, inner in enumerate(current))
