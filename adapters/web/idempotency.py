"""``Idempotency-Key``: a POST that is repeated runs once (see the ground rules of the API)."""

import asyncio
import logging
from contextlib import ExitStack
from hashlib import sha256
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.form_data import FormData, digest_of
from adapters.web.request import ApiRequest
from adapters.web.spooled_body import SpooledBody
from domain.operations.model import IdempotencyClaim, Principal, StoredAnswer
from domain.operations.services.idempotency import Idempotency
from domain.shared.errors import DomainError

TAKES_KEYS: Final = "idempotency"
"""The ``opt`` of a POST handler that takes no keys: ``opt={TAKES_KEYS: False}``."""

TAKES_FORMS: Final = "form_data"
"""The ``opt`` of a POST handler that takes form data, which may be big: ``opt={TAKES_FORMS: True}``."""

_LOG: Final = logging.getLogger(__name__)
_MAX_STORED: Final = 1024 * 1024
_FIRST_ERROR: Final = 400


def _request_hash(scope: Scope, body: bytes) -> bytes:
    digest = sha256()
    for part in (scope["raw_path"], scope["query_string"], body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


class _Recorder:
    """Holds an answer back until it is whole, so that it can be stored before it is sent.

    One that grows too big to be stored goes out as it comes.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self._size = 0
        self._passing = False
        self.answer: StoredAnswer | None = None

    async def __call__(self, message: Message) -> None:
        if self._passing:
            await self._send(message)
            return
        self._held.append(message)
        if message["type"] == "http.response.body":
            self._size += len(message["body"])
            if self._size > _MAX_STORED:
                await self.pass_on()
            elif not message.get("more_body", False):
                self.answer = self._whole()

    def _whole(self) -> StoredAnswer:
        start: Any = self._held[0]
        return StoredAnswer(
            status=start["status"],
            headers=tuple(
                (name.decode("latin-1"), text.decode("latin-1")) for name, text in start["headers"]
            ),
            body=b"".join(part["body"] for part in self._held if part["type"] == "http.response.body"),
        )

    async def pass_on(self) -> None:
        self._passing = True
        for message in self._held:
            await self._send(message)
        self._held.clear()


class IdempotentPosts(ASGIMiddleware):
    """Runs a POST with an ``Idempotency-Key`` once for each caller; only what succeeded is kept."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer from what is stored, or run the call and store its answer."""
        key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)
        takes_keys = scope.get("method") == "POST" and scope["route_handler"].opt.get(TAKES_KEYS, True)
        if key is None or not takes_keys:
            await next_app(scope, receive, send)
            return
        idempotency: Idempotency = await scope["state"]["dishka_container"].get(Idempotency)
        principal: Principal = scope["user"]
        with ExitStack() as held:
            request = ApiRequest(scope, receive)
            if scope["route_handler"].opt.get(TAKES_FORMS, False):
                spooled = held.enter_context(SpooledBody(request))
                # Each try of a client makes up a boundary of its own.
                content = await digest_of(FormData(spooled.first(), request.headers.get("content-type", "")))
                receive = spooled.receive
            else:
                content = await request.body()
            begun = await idempotency.begin(
                str(principal.key_id), key.decode("latin-1"), _request_hash(scope, content)
            )
            if isinstance(begun, StoredAnswer):
                await _replay(begun, send)
                return
            await self._run(idempotency, begun, (scope, receive, send), next_app)

    @staticmethod
    async def _run(
        idempotency: Idempotency,
        begun: IdempotencyClaim,
        call: tuple[Scope, Receive, Send],
        next_app: ASGIApp,
    ) -> None:
        scope, receive, send = call
        recorder = _Recorder(send)
        try:
            await next_app(scope, receive, recorder)
        except BaseException:
            await asyncio.shield(idempotency.release(begun))
            raise
        await asyncio.shield(_keep(idempotency, begun, recorder.answer))
        await recorder.pass_on()


async def _keep(idempotency: Idempotency, claim: IdempotencyClaim, answer: StoredAnswer | None) -> None:
    try:
        if answer is not None and answer.status < _FIRST_ERROR:
            await idempotency.complete(claim, answer)
        else:
            await idempotency.release(claim)
    except DomainError:
        # The call has done its work, and its caller is to learn that. The claim lapses by itself.
        _LOG.warning("the answer to an Idempotency-Key could not be stored", exc_info=True)


async def _replay(answer: StoredAnswer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"idempotent-replay", b"true"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
