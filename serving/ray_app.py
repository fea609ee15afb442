"""The same core in Ray Serve: several replicas, on one computer or on a cluster.

    pip install -r requirements-ray.txt
    serve run serving.ray_app:application config=serving.yaml replicas=2

Each replica loads all models and polls the roots itself, so all replicas need the same folders.
Ray's proxy listens, distributes the requests, and answers 429 when its queue is full.
"""

import asyncio
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application

from pipelines.config import tensorflow_env

tensorflow_env.hide_cuda_errors()  # in each replica, before the imports that load TensorFlow

from serving import config, page  # noqa: E402
from serving.config import Config, PositiveInt  # noqa: E402
from serving.core.prediction import Core  # noqa: E402
from serving.rest import app  # noqa: E402

RETRY_AFTER_S = 1.0


class Scale(BaseModel):
    """Arguments of the application.

    Args:
        config: the file of `python -m serving`; host and ports are configured in Ray instead.
        replicas: number of replicas.
        cpus: CPUs for each replica.
        ongoing: requests that one replica handles at the same time; enough to fill its batches.
        queued: requests that wait in a proxy for a free replica; further ones are answered 429.
    """

    model_config = ConfigDict(extra="forbid")
    config: Path | None = None
    replicas: PositiveInt = 2
    cpus: float = 1
    ongoing: PositiveInt = 64
    queued: PositiveInt = 256


def application(scale: Scale) -> Application:
    """What `serve run` and `serve.run` take."""
    values = config.read(scale.config) if scale.config else {}
    return deployment(config.build(values, str(scale.config)), scale)


def deployment(settings: Config, scale: Scale) -> Application:
    return (
        serve.deployment(name="serving")(serve.ingress()(Replica))
        .options(
            num_replicas=scale.replicas,
            ray_actor_options={"num_cpus": scale.cpus},
            max_ongoing_requests=scale.ongoing,
            max_queued_requests=scale.queued,
            backpressure_config={"status_code": 429, "retry_after_s": RETRY_AFTER_S},
            graceful_shutdown_timeout_s=settings.limits.timeout_s,
        )
        .bind(settings)
    )


class Replica:
    """Accepts requests after its first poll of the roots."""

    async def __init__(self, settings: Config):  # type: ignore[misc]  # Ray awaits it
        self.core = Core.from_config(settings)
        await self.core.manager.update()
        self.watching = asyncio.create_task(self.core.manager.watch(lambda: settings))

    def __serve_build_asgi_app__(self):
        return app.build(self.core, page.routes(self.core))

    async def check_health(self) -> None:
        """Ray replaces a replica that no longer polls."""
        if self.watching.done():
            self.watching.result()

    async def __del__(self):
        self.watching.cancel()
        await self.core.manager.close()
