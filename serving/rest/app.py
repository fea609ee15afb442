"""The Starlette application with everything that this server answers over HTTP."""

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from serving.core.prediction import Core, RequestRecord
from serving.rest import endpoints, generate, open_inference_v2, openapi, tfserving_v1
from serving.rest.endpoints import Endpoint


def build(core: Core, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """extra_routes: further routes, such as those of the page."""
    all_endpoints = [*tfserving_v1.endpoints(core), *open_inference_v2.endpoints(core)]
    all_endpoints += generate.endpoints(core)
    all_endpoints += service_endpoints(core, all_endpoints)
    return endpoints.build_app(core, all_endpoints, extra_routes)


def service_endpoints(core: Core, all_endpoints: list[Endpoint]) -> list[Endpoint]:
    """Metrics and OpenAPI description.

    Args:
        core: whose metrics are shown.
        all_endpoints: what is described; read when a request arrives.
    """

    async def metrics(request: Request, record: RequestRecord) -> Response:
        # The text of thirty models takes 0.1 s, during which other requests should not wait.
        text = await asyncio.to_thread(core.metrics.text)
        return Response(text, headers={"content-type": core.metrics.content_type})

    async def description(request: Request, record: RequestRecord) -> dict:
        return openapi.describe(all_endpoints)

    return [
        Endpoint(
            "GET", "/monitoring/prometheus/metrics", "metrics", metrics,
            "Metrics for Prometheus", None,
        ),
        Endpoint(
            "GET", "/openapi.json", "openapi", description,
            "This description", "Object", public=True,
        ),
    ]  # fmt: skip
