"""Names of files and collections that people send: made safe, or refused."""

import unicodedata
from typing import Final

from domain.ingestion.files import ROOT, CollectionName
from domain.shared.errors import InvalidError, Problem

MAX_NAME: Final = 200
MAX_COLLECTION: Final = 500
_SHOWN: Final = 60


def file_name(sent: str) -> str:
    """Return the last part of a path as a name: without folders of any system, and control characters.

    Raises:
        InvalidError: ``invalid_file_name``, where nothing is left, or it is too long.

    """
    name = _printable(sent.replace("\\", "/").rpartition("/")[2])
    if not name.strip("."):
        raise _refused("/file", "invalid_file_name", "the file needs a name, such as meter_2026.sgl_v2")
    if len(name) > MAX_NAME:
        raise _refused(
            "/file",
            "invalid_file_name",
            f"a file's name has {MAX_NAME} characters at most, not {len(name):,}",
        )
    return name


def unknown_format(name: str) -> InvalidError:
    """Return the error for a file whose name says that it is no meter file."""
    return _refused(
        "/file",
        "unknown_format",
        f"{name[:_SHOWN]!r} is no meter file by its name: those end with .sgl_v2, .slg_v2 or .csv",
    )


def collection_name(sent: str) -> CollectionName:
    """Return the collection that somebody names for a new file; nothing, or ``/``, is the root.

    Raises:
        InvalidError: ``invalid_collection``, where it is no path of folders.

    """
    name = sent.strip("/")
    if not name:
        return ROOT
    folders = name.split("/")
    well_formed = all(_printable(one) == one and one.strip(".") and "\\" not in one for one in folders)
    if not well_formed or len(name) > MAX_COLLECTION:
        raise _refused(
            "/collection",
            "invalid_collection",
            f"a collection is a path of folders, such as site/2026, of {MAX_COLLECTION} characters at most",
        )
    return CollectionName(name)


def _printable(text: str) -> str:
    kept = "".join(one for one in text if not unicodedata.category(one).startswith("C"))
    return unicodedata.normalize("NFC", kept).strip()


def _refused(pointer: str, code: str, detail: str) -> InvalidError:
    return InvalidError(code, detail, [Problem(pointer, code, detail)])
