"""The REST face: a Starlette application over the core.

Every answer that is no success is {"error": "..."}. Routes and OpenAPI description are made of the
same list of endpoints, so that they cannot differ.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from serving.core.prediction import Core, Exchange
from serving.errors import BadRequest, ClientGone, DeadlineExceeded, ServingError, TooLarge

JSON = "application/json"
TIMEOUT = "x-request-timeout-ms"


class NameConvertor(Convertor):
    """A part of a path, up to the colon before a verb: models/NAME:predict."""

    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", NameConvertor())


@dataclass(frozen=True)
class Endpoint:
    """act: answers with what is to be JSON, or with a Response. body, answer: names of schemas of
    `openapi`; answer None: plain text. failures: HTTP codes that can come besides 404 and 405."""

    method: str
    path: str
    operation: str
    act: Callable[[Request, Exchange], Awaitable[object]]
    summary: str
    answer: str | None
    body: str | None = None
    failures: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """The operation, wherever its path says which version."""
        return self.operation.split("_of_")[0]


def app(core: Core, endpoints: Sequence[Endpoint], more: Sequence[BaseRoute] = ()) -> Starlette:
    """more: routes of others, such as pages."""
    routes = [
        Route(e.path, Answering(core, e), methods=[e.method], name=e.operation) for e in endpoints
    ]

    async def refused(request: Request, error: HTTPException) -> Response:
        """What no endpoint takes: an unknown path or method."""
        exchange = Exchange("rest", "unknown")
        exchange.error = f"{request.method} {request.url.path:.200}: {error.detail}"
        core.finished(exchange, error.status_code)
        return failure(error.status_code, exchange.error, error.headers)

    async def crashed(request: Request, error: Exception) -> Response:
        return failure(500, "internal error; the server's log says more")

    handlers = {HTTPException: refused, Exception: crashed}
    return Starlette(routes=[*routes, *more], exception_handlers=handlers)


class Answering:
    """The endpoint with errors turned into answers, and an account of each request.

    An ASGI application: around a function Starlette would put wrappers that catch errors again.
    """

    def __init__(self, core: Core, endpoint: Endpoint):
        self.core, self.endpoint = core, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        exchange, code = Exchange("rest", self.endpoint.kind), 500
        try:
            found = await self.endpoint.act(request, exchange)
            code = 200
            return found if isinstance(found, Response) else Response(dump(found), media_type=JSON)
        except ServingError as error:
            code, exchange.error = error.status, str(error)
            return failure(code, exchange.error)
        finally:
            self.core.finished(exchange, code)


def failure(code: int, sentence: str, headers=None) -> Response:
    return Response(dump({"error": sentence}), code, headers, JSON)


def dump(value) -> bytes:
    """Numbers that are not finite become null."""
    return orjson.dumps(value)


async def read_body(core: Core, request: Request, exchange: Exchange) -> bytes:
    """Raises TooLarge, but after reading all of it: a client that still writes sees no answer."""
    limit, size, pieces = core.config.limits.body_bytes, 0, []
    try:
        async with asyncio.timeout_at(
            asyncio.get_running_loop().time() + core.config.limits.timeout_s
        ):
            async for piece in request.stream():
                size += len(piece)
                pieces.append(piece)
                if size > limit:
                    pieces.clear()
    except ClientDisconnect:
        raise ClientGone("the client has gone before its request was complete") from None
    except TimeoutError:
        raise DeadlineExceeded("the body did not arrive in time") from None
    if size > limit:
        raise TooLarge(f"a body of {size} bytes; at most {limit}")
    return b"".join(pieces)


def parse(data: bytes) -> dict:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadRequest("the body must be a JSON object")
    return found


def timeout_s(request: Request) -> float | None:
    """What the client will wait, by its header."""
    text = request.headers.get(TIMEOUT)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text)):
        raise BadRequest(f"{TIMEOUT}: a whole number of milliseconds is needed; found {text:.40}")
    return int(text) / 1000
