"""The Starlette application with all that this server offers over HTTP."""

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.core.prediction import Core, Exchange
from serving.rest import endpoints, open_inference_v2, openapi, tfserving_v1
from serving.rest.endpoints import Endpoint


def build(core: Core, more: Sequence[BaseRoute] = ()) -> Starlette:
    """more: routes of others beside it, such as pages."""
    described = [*tfserving_v1.endpoints(core), *open_inference_v2.endpoints(core)]
    described += own(core, described)
    return endpoints.app(core, described, more)


def own(core: Core, described: list[Endpoint]) -> list[Endpoint]:
    """described: all endpoints, these among them by the time that a request comes."""

    async def metrics(request: Request, exchange: Exchange) -> Response:
        # Thirty models take a tenth of a second to write down, which requests should not wait for.
        text = await asyncio.to_thread(core.metrics.text)
        return Response(text, headers={"content-type": core.metrics.content_type})

    async def description(request: Request, exchange: Exchange) -> dict:
        return openapi.describe(described)

    return [
        Endpoint(
            "GET", "/monitoring/prometheus/metrics", "metrics", metrics,
            "Counters for Prometheus", None,
        ),
        Endpoint(
            "GET", "/openapi.json", "openapi", description,
            "This description", "Object",
        ),
    ]  # fmt: skip
