"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import AsyncGenerator

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from serving.core.prediction import RequestRecord
from serving.errors import ClientDisconnected, ServingError
from serving.rest.disconnects import DisconnectGuard

MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # a proxy passes each event on


class EventStream(Response):
    """An answer of several JSON values, of which each is sent when it is known.

    An error after the first event is an event, {"error": ...}: the status has been sent.

    Args:
        events: the values; closed when all are sent or the client is gone.
        disconnects: notices that.
    """

    def __init__(self, events: AsyncGenerator[dict, None], disconnects: DisconnectGuard):
        super().__init__(headers=HEADERS, media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._events, self._disconnects = events, disconnects

    async def send_events(self, request: Request, record: RequestRecord, send: Send) -> int:
        """The status for metrics and log; that of an error, if there was one."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        code = 200
        try:
            with self._disconnects.cancel_on_disconnect(request):
                await send(start)
                async for event in self._events:
                    await send(body(event))
        except ServingError as error:
            code, record.error = error.status, str(error)
            if isinstance(error, ClientDisconnected):
                return code
            await send(body({"error": record.error}))
        finally:
            await self._events.aclose()
        await send({"type": "http.response.body", "body": b""})
        return code


def body(event: dict) -> dict:
    data = b"data: " + orjson.dumps(event) + b"\n\n"
    return {"type": "http.response.body", "body": data, "more_body": True}
