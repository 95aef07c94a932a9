"""What is answered to something that is no HTTP at all: a problem document like any other."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_BODY: Final = (
    b'{"type":"/problems/malformed_request","title":"Bad Request","status":400,'
    b'"detail":"this is no HTTP request: look at its method, its path (percent-encoded) and its headers",'
    b'"instance":"about:blank","code":"malformed_request","errors":[]}'
)


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, but for the words of its one answer."""

    def send_400_response(self, msg: str) -> None:
        """Answer with a problem document and close; ``msg`` is uvicorn's own text."""
        del msg
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\n"
            b"content-type: application/problem+json\r\n"
            b"content-length: " + str(len(_BODY)).encode() + b"\r\n"
            b"connection: close\r\n\r\n" + _BODY
        )
        self.transport.close()
