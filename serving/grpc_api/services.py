"""The gRPC face: TensorFlow Serving's PredictionService and ModelService, and gRPC's own health."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from pipelines.config.errors import UserError
from serving.config import address
from serving.core.model_versions import Version
from serving.core.prediction import Asked, Core, Exchange, chosen
from serving.core.validation import check_names
from serving.errors import BadRequest, NotOffered, ServingError
from serving.grpc_api import tensor_protos
from serving.servables.signature import Signature

ModelVersionStatus = get_model_status_pb2.ModelVersionStatus
Health = health_pb2.HealthCheckResponse
MARGIN = 1 << 20  # names and framing around the tensors that the limit is for


def build(core: Core) -> tuple[grpc.aio.Server, str]:
    """The server, to be started, and its address."""
    longest = core.config.limits.body_bytes + MARGIN
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", longest),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # or two servers would share a port, each with half the calls
        ]
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(core), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(core), server)
    health_pb2_grpc.add_HealthServicer_to_server(Healthy(core), server)
    host, port = core.config.host, core.config.grpc_port
    try:
        bound = server.add_insecure_port(address(host, port))
    except RuntimeError:
        raise UserError(
            f"{address(host, port)}: cannot listen; choose another --grpc-port"
        ) from None
    return server, address(host, bound)


async def answered(
    core: Core, operation: str, context, act: Callable[[Exchange], Awaitable[object]]
):
    """What act returns; errors as gRPC has them, and an account of the request."""
    exchange, code = Exchange("grpc", operation), "INTERNAL"
    try:
        found = await act(exchange)
        code = "OK"
        return found
    except ServingError as error:
        code, exchange.error = error.grpc, str(error)
        return await context.abort(grpc.StatusCode[code], exchange.error)
    except asyncio.CancelledError:
        code = "CANCELLED"
        raise
    finally:
        core.finished(exchange, code)


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, core: Core):
        self.core = core

    async def Classify(self, request, context):
        return await left_out(self.core, context)

    Regress = MultiInference = Classify

    async def Predict(self, request, context):
        async def act(exchange: Exchange):
            asked = asked_of(request.model_spec, context)

            def decode(signature: Signature):
                chosen(signature.outputs, request.output_filter)
                check_names(request.inputs, signature, "inputs")
                return {
                    name: tensor_protos.to_array(
                        request.inputs[name], tensor, signature.definition.inputs[name].dtype,
                        self.core.config.limits,
                    )
                    for name, tensor in signature.inputs.items()
                }  # fmt: skip

            answer = await self.core.predict(exchange, asked, decode)
            outputs = chosen(answer.outputs, request.output_filter)
            types = answer.signature.definition.outputs
            return predict_pb2.PredictResponse(
                model_spec=spec(asked.model, answer.version, answer.signature.name),
                outputs={
                    n: tensor_protos.from_array(a, types[n].dtype) for n, a in outputs.items()
                },
            )

        return await answered(self.core, "predict", context, act)

    async def GetModelMetadata(self, request, context):
        async def act(exchange: Exchange):
            fields = set(request.metadata_field)
            if fields != {"signature_def"}:
                raise BadRequest(f'metadata_field must be "signature_def"; found {sorted(fields)}')
            asked = asked_of(request.model_spec, context)
            version = self.core.version(exchange, asked)
            found = get_model_metadata_pb2.GetModelMetadataResponse(
                model_spec=spec(asked.model, version.number, "")
            )
            definitions = get_model_metadata_pb2.SignatureDefMap(
                signature_def={
                    name: signature.definition
                    for name, signature in version.servable.signatures.items()
                }
            )
            found.metadata["signature_def"].Pack(definitions)
            return found

        return await answered(self.core, "metadata", context, act)


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, core: Core):
        self.core = core

    async def HandleReloadConfigRequest(self, request, context):
        return await left_out(self.core, context)

    async def GetModelStatus(self, request, context):
        async def act(exchange: Exchange):
            asked = asked_of(request.model_spec, context)
            versions = self.core.versions(exchange, asked)
            return get_model_status_pb2.GetModelStatusResponse(
                model_version_status=[state(version) for version in versions]
            )

        return await answered(self.core, "status", context, act)


async def left_out(core: Core, context):
    async def act(exchange: Exchange):
        raise NotOffered("only Predict, GetModelMetadata and GetModelStatus are offered")

    return await answered(core, "left_out", context, act)


class Healthy(health_pb2_grpc.HealthServicer):
    """Of the whole server, by the empty name, and of each service by its own."""

    POLL_S = 1.0
    KNOWN = ("", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService")

    def __init__(self, core: Core):
        self.core = core

    async def Check(self, request, context):
        if request.service not in self.KNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no service {request.service!r:.80}")
        return Health(status=self.status(request.service))

    async def Watch(self, request, context):
        said = None
        while True:
            status = self.status(request.service)
            if status != said:
                yield Health(status=status)
            said = status
            await asyncio.sleep(self.POLL_S)

    def status(self, service: str) -> int:
        if service not in self.KNOWN:
            return Health.SERVICE_UNKNOWN
        return Health.SERVING if self.core.manager.ready else Health.NOT_SERVING


def asked_of(model: ModelSpec, context) -> Asked:
    version = model.version.value if model.HasField("version") else None
    label = model.version_label if model.HasField("version_label") else None
    return Asked(model.name, version, label, model.signature_name, context.time_remaining())


def spec(model: str, version: int, signature: str) -> ModelSpec:
    found = ModelSpec(name=model, signature_name=signature)
    found.version.value = version
    return found


def state(version: Version) -> ModelVersionStatus:
    found = ModelVersionStatus(
        version=version.number, state=ModelVersionStatus.State.Value(version.state)
    )
    if version.error:
        found.status.error_code, found.status.error_message = 2, version.error
    return found
