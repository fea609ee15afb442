"""The gRPC frontend: TensorFlow Serving's PredictionService and ModelService, and gRPC's health."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusResponse,
    ModelVersionStatus,
)
from tensorflow_serving.apis.model_pb2 import ModelSpec

from pipelines.config.errors import UserError
from serving.config import Config
from serving.core.inputs import Inputs, check_inputs
from serving.core.model_versions import Version
from serving.core.prediction import (
    LARGE_BODY,
    Core,
    PredictRequest,
    RequestRecord,
    select_outputs,
)
from serving.core.validation import check_names
from serving.errors import BadRequest, ServingError, Unimplemented
from serving.grpc_api import tensor_protos
from serving.grpc_api.health import HealthService
from serving.network import address
from serving.servables.signature import Arrays, Signature

MESSAGE_OVERHEAD = 1 << 20  # names and framing around the tensors that the limit is for
UNKNOWN_ERROR = 2  # in error_codes.proto of TensorFlow


def build(core: Core) -> tuple[grpc.aio.Server, str]:
    """The server, not started yet, and its address."""
    limits = core.config.limits
    max_bytes = min(limits.message_bytes, limits.body_bytes) + MESSAGE_OVERHEAD
    server = grpc.aio.server(
        maximum_concurrent_rpcs=core.config.connections.grpc_calls,  # refused before it is read
        options=[
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise two servers could share a port
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(core), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(core), server)
    health_pb2_grpc.add_HealthServicer_to_server(HealthService(core), server)
    host, port = core.config.host, core.config.grpc_port
    try:
        bound_port = add_port(server, core.config)
    except RuntimeError:
        message = f"{address(host, port)}: cannot listen; choose another --grpc-port"
        raise UserError("port-unavailable", message, value=port) from None
    return server, address(host, bound_port)


def add_port(server: grpc.aio.Server, config: Config) -> int:
    """The port, with TLS if there is a certificate."""
    place = address(config.host, config.grpc_port)
    if not (config.certificate and config.key):
        return server.add_insecure_port(place)
    pair = config.key.read_bytes(), config.certificate.read_bytes()
    return server.add_secure_port(place, grpc.ssl_server_credentials([pair]))


async def respond(
    core: Core, operation: str, context, handle: Callable[[RequestRecord], Awaitable[object]]
):
    """What `handle` returns; turns errors into gRPC status codes, counts and logs the request."""
    record, code = RequestRecord("grpc", operation), "INTERNAL"
    try:
        core.authorize(lambda: authorization(context))
        response = await handle(record)
        code = "OK"
        return response
    except ServingError as error:
        code, record.error = error.grpc, str(error)
        return await context.abort(grpc.StatusCode[code], record.error)
    except asyncio.CancelledError:
        code = "CANCELLED"
        raise
    finally:
        core.finish(record, code)


def authorization(context) -> str | None:
    """The metadata of the same name, as an HTTP header has it."""
    return next((v for name, v in context.invocation_metadata() if name == "authorization"), None)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, core: Core):
        self.core = core

    async def Classify(self, request, context):
        return await unimplemented(self.core, context)

    Regress = MultiInference = Classify

    async def Predict(self, request, context):
        async def handle(record: RequestRecord):
            self.core.hold(record, request.ByteSize())
            predict_request = to_predict_request(request.model_spec, context)

            def decode(signature: Signature) -> Inputs:
                # Unknown output names fail before the call.
                select_outputs(signature.outputs, request.output_filter)
                arrays = self.decode_inputs(request.inputs, signature)
                return check_inputs(arrays, signature, self.core.config.limits)

            if request.ByteSize() > LARGE_BODY:
                async with self.core.decoding_large(
                    self.core.deadline(record, predict_request.timeout_s)
                ):
                    decoded = await self.core.decode_on_thread(record, predict_request, decode)
            else:
                decoded = decode
            prediction = await self.core.predict(record, predict_request, decoded)
            outputs = select_outputs(prediction.outputs, request.output_filter)
            infos = prediction.signature.definition.outputs
            return predict_pb2.PredictResponse(
                model_spec=model_spec(
                    predict_request.model, prediction.version, prediction.signature.name
                ),
                outputs={
                    name: tensor_protos.from_array(array, infos[name].dtype)
                    for name, array in outputs.items()
                },
            )

        return await respond(self.core, "predict", context, handle)

    def decode_inputs(self, protos, signature: Signature) -> Arrays:
        check_names(protos, signature, "inputs")
        infos, limits = signature.definition.inputs, self.core.config.limits
        return {
            name: tensor_protos.to_array(protos[name], spec, infos[name].dtype, limits)
            for name, spec in signature.inputs.items()
        }

    async def GetModelMetadata(self, request, context):
        async def handle(record: RequestRecord):
            fields = set(request.metadata_field)
            if fields != {"signature_def"}:
                raise BadRequest(
                    f'metadata_field must be "signature_def"; found {sorted(fields)!s:.200}'
                )
            predict_request = to_predict_request(request.model_spec, context)
            version = self.core.available_version(record, predict_request)
            response = get_model_metadata_pb2.GetModelMetadataResponse(
                model_spec=model_spec(predict_request.model, version.number, "")
            )
            definitions = get_model_metadata_pb2.SignatureDefMap(
                signature_def={
                    name: signature.definition
                    for name, signature in version.loaded.signatures.items()
                }
            )
            response.metadata["signature_def"].Pack(definitions)
            return response

        return await respond(self.core, "metadata", context, handle)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, core: Core):
        self.core = core

    async def HandleReloadConfigRequest(self, request, context):
        return await unimplemented(self.core, context)

    async def GetModelStatus(self, request, context):
        async def handle(record: RequestRecord):
            predict_request = to_predict_request(request.model_spec, context)
            versions = self.core.matching_versions(record, predict_request)
            return GetModelStatusResponse(
                model_version_status=[version_status(version) for version in versions]
            )

        return await respond(self.core, "status", context, handle)


async def unimplemented(core: Core, context):
    async def handle(record: RequestRecord):
        raise Unimplemented("only Predict, GetModelMetadata and GetModelStatus are implemented")

    return await respond(core, "unimplemented", context, handle)


def to_predict_request(spec: ModelSpec, context) -> PredictRequest:
    version = spec.version.value if spec.HasField("version") else None
    label = spec.version_label if spec.HasField("version_label") else None
    return PredictRequest(spec.name, version, label, spec.signature_name, context.time_remaining())


def model_spec(model: str, version: int, signature: str) -> ModelSpec:
    spec = ModelSpec(name=model, signature_name=signature)
    spec.version.value = version
    return spec


def version_status(version: Version) -> ModelVersionStatus:
    state = ModelVersionStatus.State.Value(version.state)
    status = ModelVersionStatus(version=version.number, state=state)
    if version.error:
        status.status.error_code, status.status.error_message = UNKNOWN_ERROR, version.error
    return status
