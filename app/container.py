"""The dishka container."""

from dishka import STRICT_VALIDATION, AsyncContainer, Provider, make_async_container
from dishka.integrations.litestar import LitestarProvider

from app.providers import PROVIDERS
from app.settings import Settings


def make_container(settings: Settings, *overrides: Provider) -> AsyncContainer:
    """Return the container; nothing is made before it is asked for.

    ``overrides`` replace bindings (``provide(..., override=True)``), which is how tests bring their adapters.
    """
    return make_async_container(
        *(provider() for provider in PROVIDERS),
        LitestarProvider(),
        *overrides,
        context={Settings: settings},
        validation_settings=STRICT_VALIDATION,
    )
