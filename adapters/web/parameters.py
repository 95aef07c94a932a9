"""Query parameters that many calls share, and the shape of lists."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from litestar import Request
from litestar.params import QueryParameter

from adapters.web.faults import MAX_FAULTS, pointer_of
from adapters.web.times import CalendarPeriod, Elapsed, Instant, Timezone
from domain.shared.errors import InvalidError, Problem

Item = TypeVar("Item")

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100
_MAX_OFFSET: Final = 2**31 - 1

Limit = Annotated[
    int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many items one answer holds at most.")
]
"""Write ``limit: Limit = DEFAULT_LIMIT``."""

Offset = Annotated[int, QueryParameter(ge=0, le=_MAX_OFFSET, description="How many items to pass over.")]
"""Write ``offset: Offset = 0``."""

Start = Annotated[Instant | None, QueryParameter(description="The first moment of the range.")]
End = Annotated[Instant | None, QueryParameter(description="The first moment after the range.")]
"""Write ``start: Start = None, end: End = None``: the values are aware UTC datetimes."""

RequiredStart = Annotated[Instant, QueryParameter(description="The first moment of the range.")]
RequiredEnd = Annotated[Instant, QueryParameter(description="The first moment after the range.")]

Resolution = Annotated[
    CalendarPeriod | None,
    QueryParameter(description="The length of a bucket (ISO 8601); P1D is a calendar day of `timezone`."),
]
"""Write ``resolution: Resolution = None`` and use ``resolution.period``."""

Duration = Annotated[Elapsed | None, QueryParameter(description="A length of time (ISO 8601).")]
Zone = Annotated[Timezone | None, QueryParameter(description="An IANA time zone, such as Europe/Lisbon.")]
"""Write ``timezone: Zone = None``."""

Cursor = Annotated[
    str | None,
    QueryParameter(max_length=512, description="`next_cursor` of the page before, as it was given."),
]


class Page(msgspec.Struct, Generic[Item], kw_only=True):
    """A page of a list that is counted."""

    items: Sequence[Item]
    total: int
    limit: int
    offset: int


class CursorPage(msgspec.Struct, Generic[Item], kw_only=True):
    """A page of a list that goes on at a cursor; ``next_cursor`` is null at the end."""

    items: Sequence[Item]
    next_cursor: str | None


async def refuse_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """Refuse query parameters that a call does not have (for its ``before_request``).

    A call that a parameter turns into a preview must not write because that parameter is misspelt.

    Raises:
        InvalidError: ``unknown_parameter``.

    """
    parameters = request.route_handler.parsed_fn_signature.parameters.items()
    defined = ((name, field.kwarg_definition) for name, field in parameters)
    known = [one.name or name for name, one in defined if isinstance(one, QueryParameter)]
    unknown = (name for name in dict.fromkeys(request.query_params) if name not in known)
    code, detail = "unknown_parameter", f"there is no such parameter here; known are {', '.join(known)}"
    problems = [Problem(pointer_of("query", name), code, detail) for name in islice(unknown, MAX_FAULTS)]
    if problems:
        raise InvalidError(code, detail, problems)
