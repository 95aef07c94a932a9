"""The WebSocket protocol of the server, so that a shutdown reads as one.

uvicorn says 1012 (service restart) at a shutdown, and waits for clients that take nothing more. It is given
to uvicorn as ``ws=GoingAwayProtocol``.
"""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

_PATIENCE_SECONDS: Final = 1.0


class GoingAwayProtocol(WebSocketsSansIOProtocol):
    """Closes with 1001 at a shutdown, and cuts off what cannot be told."""

    def shutdown(self) -> None:
        """Say that the server is going away."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
        else:
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.GOING_AWAY})
            self.conn.send_close(CloseCode.GOING_AWAY, "the server is stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.transport.close()
        self._cut_off_later()

    def keepalive_timeout(self) -> None:
        """Close a connection whose client answers no ping; what it does not take is dropped."""
        super().keepalive_timeout()
        self._cut_off_later()

    def _cut_off_later(self) -> None:
        # close() waits until the client has taken what was written, which it may never do.
        self.loop.call_later(_PATIENCE_SECONDS, self.transport.abort)
