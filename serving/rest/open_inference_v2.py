"""The Open Inference Protocol, version 2, which KServe and Triton implement.

With its binary data extension: tensors can follow the JSON as bytes, so that images need no base64.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

import orjson
from starlette.requests import Request
from starlette.responses import Response

from serving.core.inputs import Inputs, check_inputs
from serving.core.prediction import (
    LARGE_BODY,
    Core,
    Decode,
    PredictRequest,
    RequestRecord,
    select_outputs,
)
from serving.errors import BadRequest, Unavailable
from serving.rest import open_inference_tensors
from serving.rest.bodies import read_body
from serving.rest.disconnects import DisconnectGuard
from serving.rest.endpoints import Endpoint, parse_object, timeout_s
from serving.rest.open_inference_tensors import get_field, name_of
from serving.rest.tfserving_v1 import PREDICT_ERRORS, to_predict_request
from serving.servables.signature import DEFAULT, Arrays, Signature, TensorSpec

NAME, VERSION = "applied-keras-serving", "1"
MAX_ID = 1024  # characters
MODEL = "/v2/models/{model:name}"


def endpoints(core: Core) -> list[Endpoint]:
    api = V2(core)
    result = [
        Endpoint("GET", "/v2", "server", api.server, "The server", "Server"),
        Endpoint(
            "GET", "/v2/health/live", "live", api.live, "Is the server running?", "Live",
            public=True,
        ),
        Endpoint(
            "GET", "/v2/health/ready", "ready", api.ready,
            "Does every model have an available version?", "Ready", error_codes=(503,),
            public=True,
        ),
    ]  # fmt: skip
    for suffix, path in (("", MODEL), ("_of_version", f"{MODEL}/versions/{{version:name}}")):
        result += [
            Endpoint(
                "POST", f"{path}/infer", f"infer{suffix}", api.infer,
                "Predictions of a model", "InferResponse", "InferRequest", PREDICT_ERRORS,
            ),
            Endpoint(
                "GET", f"{path}/ready", f"model_ready{suffix}", api.model_ready,
                "Is it available?", "ModelReady", error_codes=(400, 503),
            ),
            Endpoint(
                "GET", path, f"model{suffix}", api.model,
                "Inputs and outputs", "ModelMetadata", error_codes=(400, 503),
            ),
        ]  # fmt: skip
    return result


class V2:
    def __init__(self, core: Core):
        self.core, self.disconnects = core, DisconnectGuard()

    async def server(self, request: Request, record: RequestRecord) -> dict:
        return {"name": NAME, "version": VERSION, "extensions": ["binary_tensor_data"]}

    async def live(self, request: Request, record: RequestRecord) -> dict:
        return {"live": True}

    async def ready(self, request: Request, record: RequestRecord) -> dict:
        if not self.core.manager.ready:
            raise Unavailable("not every model has an available version")
        return {"ready": True}

    async def model_ready(self, request: Request, record: RequestRecord) -> dict:
        version = self.core.available_version(record, to_predict_request(request))
        return {"name": record.model, "version": str(version.number), "ready": True}

    async def model(self, request: Request, record: RequestRecord) -> dict:
        version = self.core.available_version(record, to_predict_request(request))
        signatures = version.loaded.signatures
        signature = signatures.get(DEFAULT) or signatures[min(signatures)]
        return {
            "name": record.model,
            "versions": [str(number) for number in self.core.manager.model(record.model).available],
            "platform": "tensorflow_savedmodel",
            "inputs": [tensor_metadata(spec) for spec in signature.inputs.values()],
            "outputs": [tensor_metadata(spec) for spec in signature.outputs.values()],
        }

    async def infer(self, request: Request, record: RequestRecord) -> dict | Response:
        data = await read_body(self.core, request, record)
        if len(data) <= LARGE_BODY:
            parsed = self.parse(request, data)
        else:
            deadline = self.core.deadline(record, timeout_s(request))
            async with self.core.decoding_large(deadline):
                parsed = await asyncio.to_thread(self.parse, request, data)
                decode = await self.core.decode_on_thread(record, parsed.request, parsed.decode)
                parsed = replace(parsed, decode=decode)  # frees the parsed JSON
        with self.disconnects.cancel_on_disconnect(request):
            prediction = await self.core.predict(record, parsed.request, parsed.decode)
        response = {
            "model_name": parsed.request.model, "model_version": str(prediction.version),
            **parsed.answered_id,
        }  # fmt: skip
        outputs = select_outputs(prediction.outputs, parsed.outputs)
        binary = {
            name for name in outputs
            if is_binary(parsed.outputs.get(name, {}), parsed.binary_by_default)
        }  # fmt: skip
        return add_outputs(response, outputs, binary)

    def parse(self, request: Request, data: bytes) -> "InferRequest":
        header = request.headers.get(open_inference_tensors.HEADER)
        json_part, binary_part = open_inference_tensors.split_body(data, header)
        body = parse_object(json_part, self.core.config.limits)
        parameters = get_field(body, "parameters", {})
        requested = {
            name_of(output, "outputs"): output for output in get_field(body, "outputs", [])
        }

        def decode(signature: Signature) -> Inputs:
            select_outputs(signature.outputs, requested)  # unknown names fail before the call
            limits, inputs = self.core.config.limits, get_field(body, "inputs", [])
            arrays = open_inference_tensors.decode_inputs(inputs, binary_part, signature, limits)
            return check_inputs(arrays, signature, limits)

        signature_name = parameters.get("signature_name", DEFAULT)
        predict_request = to_predict_request(request, signature_name, timeout_s(request))
        default = parameters.get("binary_data_output") is True
        return InferRequest(predict_request, decode, requested, default, parse_id(body))


@dataclass(frozen=True)
class InferRequest:
    """A parsed request.

    Args:
        request: which model, version and signature.
        decode: the inputs for a signature.
        outputs: the requested outputs by name; empty: all.
        binary_by_default: whether outputs are sent as bytes unless they say otherwise.
        answered_id: {"id": ...} to send back; empty if the request has none.
    """

    request: PredictRequest
    decode: Decode
    outputs: dict[str, dict]
    binary_by_default: bool
    answered_id: dict[str, str]


def parse_id(body: dict) -> dict[str, str]:
    """Raises BadRequest for an id that is not a string, or longer than MAX_ID."""
    if body.get("id") is None:
        return {}
    request_id = get_field(body, "id", "")
    if len(request_id) > MAX_ID:
        raise BadRequest(f"id: {len(request_id)} characters; at most {MAX_ID}")
    return {"id": request_id}


def is_binary(output: dict, default: bool) -> bool:
    """Whether the client asks for this output as bytes."""
    return get_field(output, "parameters", {}).get("binary_data", default) is True


def add_outputs(response: dict, outputs: Arrays, binary: Collection[str]) -> dict | Response:
    """binary: names of the outputs to send as bytes after the JSON."""
    response["outputs"], binary_part = open_inference_tensors.encode_outputs(outputs, binary)
    if not binary_part:
        return response
    json_part = orjson.dumps(response)
    headers = {open_inference_tensors.HEADER: str(len(json_part))}
    media_type = "application/octet-stream"
    return Response(json_part + binary_part, headers=headers, media_type=media_type)


def tensor_metadata(spec: TensorSpec) -> dict:
    shape = spec.full_shape or ()
    return {
        "name": spec.name,
        "datatype": open_inference_tensors.datatype(spec.dtype),
        "shape": [-1 if size is None else size for size in shape],
    }
