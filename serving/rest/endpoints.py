"""The REST frontend: a Starlette application over the core.

Every answer that is not a success is {"error": "..."}. Routes and OpenAPI description are generated
from the same list of endpoints, so that they cannot differ.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from serving.config import Limits
from serving.core.prediction import Core, RequestRecord
from serving.errors import BadRequest, ServingError, TooLarge
from serving.rest.event_stream import EventStream

JSON = "application/json"
CHALLENGE = {"www-authenticate": "Bearer"}
TIMEOUT = "x-request-timeout-ms"


class NameConvertor(Convertor):
    """A path segment up to the colon before a verb: models/NAME:predict."""

    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("name", NameConvertor())


@dataclass(frozen=True)
class Endpoint:
    """A route, with what its OpenAPI description needs.

    Args:
        method: of HTTP.
        path: with parameters as Starlette has them.
        operation: a unique name.
        handle: returns a Response, or a value to be encoded as JSON.
        summary: one line for the description.
        response_schema: a name among `openapi.SCHEMAS`; None: plain text.
        is_event_stream: whether it is answered by events with such a value each.
        request_schema: a name among `openapi.SCHEMAS`; None: no body.
        error_codes: HTTP status codes that it can answer besides 401, 404 and 405.
        public: whether it is answered without a token.
    """

    method: str
    path: str
    operation: str
    handle: Callable[[Request, RequestRecord], Awaitable[object]]
    summary: str
    response_schema: str | None
    request_schema: str | None = None
    error_codes: tuple[int, ...] = ()
    public: bool = False
    is_event_stream: bool = False

    @property
    def metric_name(self) -> str:
        """The operation, without the part of its name that says how the version is given."""
        return self.operation.split("_of_")[0]


def build_app(
    core: Core, endpoints: Sequence[Endpoint], extra_routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """extra_routes: further routes, such as those of the page."""
    routes = [
        Route(e.path, EndpointHandler(core, e), methods=[e.method], name=e.operation)
        for e in endpoints
    ]

    async def no_endpoint(request: Request, error: Exception) -> Response:
        """An unknown path or method."""
        assert isinstance(error, HTTPException), "it is the handler of these"
        record = RequestRecord("rest", "unknown")
        record.error = f"{request.method} {request.url.path:.200}: {error.detail}"
        core.finish(record, error.status_code)
        return error_response(error.status_code, record.error, error.headers)

    async def crash(request: Request, error: Exception) -> Response:
        return error_response(500, "internal error; see the server's log")

    return Starlette(
        routes=[*routes, *extra_routes],
        exception_handlers={HTTPException: no_endpoint, Exception: crash},
    )


class EndpointHandler:
    """Answers requests of an endpoint: turns errors into JSON, and counts and logs each request.

    It is an ASGI application, because Starlette wraps a function in further error handlers.
    """

    def __init__(self, core: Core, endpoint: Endpoint):
        self.core, self.endpoint = core, endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        record, code = RequestRecord("rest", self.endpoint.metric_name), 500
        try:
            response, code = await self.respond(request, record)
            if isinstance(response, EventStream):
                code = await response.send_events(request, record, send)
        finally:
            self.core.finish(record, code)
        if not isinstance(response, EventStream):
            await response(scope, receive, send)

    async def respond(self, request: Request, record: RequestRecord) -> tuple[Response, int]:
        """The response, and its status for metrics and log."""
        try:
            if not self.endpoint.public:
                self.core.authorize(lambda: request.headers.get("authorization"))
            value = await self.endpoint.handle(request, record)
            if not isinstance(value, Response):
                value = Response(to_json(value), media_type=JSON)
            return value, 200
        except ServingError as error:
            record.error = str(error)
            headers = CHALLENGE if error.status == 401 else None
            return error_response(error.status, record.error, headers), error.status


def error_response(code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json({"error": message}), code, headers, JSON)


def to_json(value) -> bytes:
    """Numbers that are not finite become null."""
    return orjson.dumps(value)


def parse_object(data: bytes, limits: Limits) -> dict:
    """The body, which must be a JSON object.

    Raises:
        TooLarge: it has too many values: while they are parsed, no other request is answered.
        BadRequest: it is something else.
    """
    if len(data) > limits.json_values:
        values = data.count(b",") + data.count(b"[") + data.count(b"{")
        if values > limits.json_values:
            raise TooLarge(
                f"JSON with {values} values; at most {limits.json_values} (limits.json_values); "
                "send large tensors as binary data by /v2, or by gRPC"
            )
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


def timeout_s(request: Request) -> float | None:
    """How long the client waits, according to its header."""
    text = request.headers.get(TIMEOUT)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text)):
        raise BadRequest(f"{TIMEOUT}: found {text:.40}, expected milliseconds, a positive integer")
    return int(text) / 1000
