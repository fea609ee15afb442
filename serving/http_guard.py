"""HTTP connections under limits: what uvicorn and httptools leave open.

httptools collects a header until its end, however long, and uvicorn has no timeouts for a head that
does not arrive or an answer that is not read. `GuardedProtocol` counts what arrives before it is
collected; `watch_connections` closes what makes no progress.
"""

import asyncio
import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.config import ConnectionLimits
from serving.rest.endpoints import error_response

HEALTH_PATHS = frozenset({"/v2/health/live", "/v2/health/ready"})
# Files that the process needs besides its connections: model files, event loop, gRPC.
RESERVED_FILES = 128
# Framing of a chunked body may take this many times the bytes of the body itself.
MAX_FRAMING = 16


def protocol_factory(
    limits: ConnectionLimits, refused: Callable[[int, str], None]
) -> type["GuardedProtocol"]:
    """What uvicorn takes as `http`.

    Args:
        limits: of one connection and of all.
        refused: called with status and message of each request that the parser refuses.
    """

    class LimitedProtocol(GuardedProtocol):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, limits=limits, refused=refused, **kwargs)

    return LimitedProtocol


def connection_limit(limits: ConnectionLimits) -> int:
    """The configured limit, lowered to what the process may open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return limits.connections
    room = files - RESERVED_FILES - limits.health_connections
    return max(1, min(limits.connections, room))


@dataclass(eq=False)
class Refusal(Exception):
    """Raised within the parser's callbacks; the parser then stops."""

    status: int
    message: str


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A head is the request line and the headers."""

    def __init__(self, *args, limits: ConnectionLimits, refused, **kwargs):
        super().__init__(*args, **kwargs)
        self.limits, self._refused = limits, refused
        self.url = b""
        self._refusal: Refusal | None = None
        self._in_head, self._heads = True, 0
        self._head_bytes = self._header_bytes = 0
        self._raw_bytes = self._body_bytes = 0  # of the present body, with and without framing
        # In terms of loop.time(): when the present head or body began; None: between requests.
        self.head_since: float | None = None
        self.body_since: float | None = None
        # The bytes that the client has not read, at the time when they last became fewer.
        self.unread, self.unread_since = 0, 0.0

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.head_since = self.loop.time()
        limit, open_connections = connection_limit(self.limits), len(self.connections)
        if open_connections > limit + self.limits.health_connections:
            transport.abort()
        elif open_connections > limit:
            self.app = HealthOnly(self.app)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        heads, in_head = self._heads, self._in_head
        if in_head and self.head_since is None:
            self.head_since = self.loop.time()
        super().data_received(data)
        if self._refusal is not None or heads != self._heads:
            return
        # Only chunks without the end of a head are counted here; `on_header` counts the others.
        if in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes + self.limits.url_bytes:
                self._refuse(Refusal(431, f"more than {self.limits.head_bytes} bytes of headers"))
        else:
            self._raw_bytes += len(data)
            framing = self._raw_bytes - self._body_bytes
            if framing > self.limits.head_bytes + MAX_FRAMING * self._body_bytes:
                self._refuse(Refusal(400, "more chunk framing than body"))

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self.limits.url_bytes:
            raise self._refusal_of(414, f"a URL of more than {self.limits.url_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name) + len(value)
        self._header_bytes += size
        if (
            size > self.limits.header_bytes
            or self._header_bytes > self.limits.head_bytes
            or len(self.headers) >= self.limits.headers
        ):
            raise self._refusal_of(
                431,
                f"headers: at most {self.limits.headers}, of {self.limits.header_bytes} bytes each "
                f"and {self.limits.head_bytes} bytes together",
            )
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self.head_since, self.body_since = False, None, self.loop.time()
        self._heads += 1
        self._head_bytes = self._header_bytes = self._raw_bytes = self._body_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self.body_since = True, None
        super().on_message_complete()

    def _refusal_of(self, status: int, message: str) -> Refusal:
        self._refusal = Refusal(status, message)
        return self._refusal

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self.send_400_response(refusal.message)

    def send_400_response(self, msg: str) -> None:
        """Also for what the parser refuses itself: uvicorn calls it with a message."""
        refusal = self._refusal or Refusal(400, msg)
        self._refusal = refusal
        self._refused(refusal.status, refusal.message)
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and (self._in_head or self.cycle.response_started or self.pipeline):
            self.transport.close()  # an answer to this request would be taken for an earlier one's
            return
        content = orjson.dumps({"error": refusal.message})
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            (b"connection", b"close"),
        ]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[refusal.status], *lines, b"\r\n", content]))
        self.transport.close()

    def check_progress(self, now: float) -> None:
        """Closes the connection if a head, a body or the reading of an answer takes too long."""
        limits, unread = self.limits, self.transport.get_write_buffer_size()
        if not unread or unread < self.unread or not self.unread:
            self.unread_since = now
        self.unread = unread
        if unread and now - self.unread_since > limits.write_timeout_s:
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self.head_since is not None and now - self.head_since > limits.head_timeout_s:
            if self._head_bytes:
                self._refuse(Refusal(408, "the headers did not arrive in time"))
            else:
                self.transport.close()
        elif (
            self.body_since is not None
            and self.cycle.response_complete
            and now - self.body_since > limits.write_timeout_s
        ):
            self.transport.abort()  # it still sends a body although it has its answer


class HealthOnly:
    """For connections beyond the limit: answers health checks, and 503 to all else."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["path"] in HEALTH_PATHS:
            await self.app(scope, receive, send)
            return
        headers = {"connection": "close", "retry-after": "1"}
        await error_response(503, "too many connections", headers)(scope, receive, send)


async def watch_connections(
    connections: Iterable[GuardedProtocol], limits: ConnectionLimits
) -> None:
    """Checks all connections until it is cancelled: a timer for each request would cost more."""
    interval = min(1.0, limits.head_timeout_s / 4, limits.write_timeout_s / 4)
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(interval)
        for connection in list(connections):
            connection.check_progress(loop.time())
