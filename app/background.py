"""What runs beside the calls: one table."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from dishka import AsyncContainer

Background = Callable[[AsyncContainer], AbstractAsyncContextManager[None]]
"""Starts something on entry and has ended it on exit (an ``@asynccontextmanager`` over the container)."""

BACKGROUND: Final[tuple[Background, ...]] = ()
"""Started in this order with the application, and ended in the reverse one before the container is closed."""
