"""The same core hosted in Ray Serve: several replicas, on one machine or on a cluster.

    pip install -r requirements-ray.txt
    serve run serving.ray_app:application config=serving.yaml replicas=2

Each replica holds all models and watches the roots by itself, so the roots must be the same folder
for all of them. Ray's proxy listens, spreads the requests, and answers 429 when its queue is full.
"""

import asyncio
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application

from serving import config, page
from serving.config import Config, Count
from serving.core.prediction import Core
from serving.rest import app

RETRY_AFTER_S = 1.0


class Scale(BaseModel):
    """config: the file of `python -m serving`; host, ports and flags are Ray's here.

    ongoing: requests that one replica works on at a time; enough to fill its batches. queued:
    requests that wait in a proxy for a free replica; more are answered 429.
    """

    model_config = ConfigDict(extra="forbid")
    config: Path | None = None
    replicas: Count = 2
    cpus: float = 1
    ongoing: Count = 64
    queued: Count = 256


def application(scale: Scale) -> Application:
    """What `serve run` and `serve.run` take."""
    values = config.read(scale.config) if scale.config else {}
    return deployed(config.build(values, str(scale.config)), scale)


def deployed(settings: Config, scale: Scale) -> Application:
    return Replica.options(
        num_replicas=scale.replicas,
        ray_actor_options={"num_cpus": scale.cpus},
        max_ongoing_requests=scale.ongoing,
        max_queued_requests=scale.queued,
        backpressure_config={"status_code": 429, "retry_after_s": RETRY_AFTER_S},
        graceful_shutdown_timeout_s=settings.limits.timeout_s,
    ).bind(settings)


@serve.deployment(name="serving")
@serve.ingress()
class Replica:
    """It takes requests once the first look at the roots is over."""

    async def __init__(self, settings: Config):
        self.core = Core.of(settings)
        await self.core.manager.update()
        self.watching = asyncio.create_task(self.core.manager.watch(lambda: settings))

    def __serve_build_asgi_app__(self):
        return app.build(self.core, page.routes(self.core))

    async def check_health(self) -> None:
        """Ray replaces a replica that does not see new versions any more."""
        if self.watching.done():
            self.watching.result()

    async def __del__(self):
        self.watching.cancel()
        await self.core.manager.close()
