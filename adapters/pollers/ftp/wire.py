"""Names on the wire, where nobody says which encoding they have.

aioftp is told that everything is Latin-1, which lets each byte through as it is; a text of the wire is made
of such characters. So a name that is not UTF-8 breaks no listing.
"""

import logging
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

ENCODING: Final = "latin-1"
_MOST_SPELLINGS: Final = 8

# aioftp logs each command and reply: names of users, and whatever a server echoes, passwords not left out.
logging.getLogger("aioftp.client").addFilter(lambda _: False)


def to_wire(text: str) -> str:
    """Return the text as UTF-8 on the wire."""
    return text.encode().decode(ENCODING)


def from_bytes(raw: bytes) -> str:
    """Return a name that a server sent: UTF-8 where it is, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(ENCODING)


def from_wire(text: str) -> str:
    """Return a text that aioftp read."""
    return from_bytes(text.encode(ENCODING))


def spellings(path: str) -> Iterator[str]:
    """Yield how the path may be written on the wire, the likeliest first.

    A name that was read as Latin-1 must be sent as such; which it was is not known by then.
    """
    options = [[to_wire(part)] for part in path.split("/")]
    for option, part in zip(options, path.split("/"), strict=True):
        if not part.isascii() and from_bytes(part.encode(ENCODING, "ignore")) == part:
            option.append(part)
    yield from islice(("/".join(parts) for parts in product(*options)), _MOST_SPELLINGS)
