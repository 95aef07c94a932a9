"""Where the WebSocket is found."""

from typing import Any

from dishka.integrations.litestar import FromDishka, inject_websocket
from litestar import WebSocket, websocket

from adapters.websocket.sockets import LiveSockets


@websocket(["/ws", "/api/v1/ws"], name="live")
@inject_websocket
async def live(socket: WebSocket[Any, Any, Any], sockets: FromDishka[LiveSockets]) -> None:
    """Serve readings and events as they happen (see the API's description of the WebSocket)."""
    await sockets.serve(socket)
