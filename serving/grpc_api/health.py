"""gRPC's health service."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.core.prediction import Core

Health = health_pb2.HealthCheckResponse


class HealthService(health_pb2_grpc.HealthServicer):
    """Health of the whole server, under the empty name, and of each service under its name."""

    POLL_S = 1.0
    SERVICES = ("", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")

    def __init__(self, core: Core):
        self.core = core

    async def Check(self, request, context):
        if request.service not in self.SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r:.80}")
        return Health(status=self.status(request.service))

    async def Watch(self, request, context):
        last_status = None
        while True:
            status = self.status(request.service)
            if status != last_status:
                yield Health(status=status)
            last_status = status
            await asyncio.sleep(self.POLL_S)

    def status(self, service: str) -> int:
        if service not in self.SERVICES:
            return Health.SERVICE_UNKNOWN
        return Health.SERVING if self.core.manager.ready else Health.NOT_SERVING
