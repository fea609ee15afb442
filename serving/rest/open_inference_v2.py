"""The Open Inference Protocol, version 2, as KServe and Triton speak it.

With its binary data extension: tensors can follow the JSON as bytes, which spares pictures base64.
"""

from collections.abc import Collection

import orjson
from starlette.requests import Request
from starlette.responses import Response

from serving.core.prediction import Core, Exchange, chosen
from serving.errors import Unavailable
from serving.rest import open_inference_tensors
from serving.rest.disconnects import Presence
from serving.rest.endpoints import Endpoint, parse, read_body, timeout_s
from serving.rest.open_inference_tensors import field, name_of
from serving.rest.tfserving_v1 import PREDICTING, asked_of
from serving.servables.signature import DEFAULT, Arrays, Signature, Tensor

NAME, VERSION = "applied-keras-serving", "1"
MODEL = "/v2/models/{model:name}"


def endpoints(core: Core) -> list[Endpoint]:
    face = V2(core)
    found = [
        Endpoint("GET", "/v2", "server", face.server, "The server", "Server"),
        Endpoint(
            "GET", "/v2/health/live", "live", face.live, "Does it run?", "Live"
        ),
        Endpoint(
            "GET", "/v2/health/ready", "ready", face.ready,
            "Does every model answer?", "Ready", failures=(503,),
        ),
    ]  # fmt: skip
    for suffix, path in (("", MODEL), ("_of_version", f"{MODEL}/versions/{{version:name}}")):
        found += [
            Endpoint(
                "POST", f"{path}/infer", f"infer{suffix}", face.infer,
                "Answers of a model", "InferResponse", "InferRequest", PREDICTING,
            ),
            Endpoint(
                "GET", f"{path}/ready", f"model_ready{suffix}", face.model_ready,
                "Does it answer?", "ModelReady", failures=(400, 503),
            ),
            Endpoint(
                "GET", path, f"model{suffix}", face.model,
                "Inputs and outputs", "ModelMetadata", failures=(400, 503),
            ),
        ]  # fmt: skip
    return found


class V2:
    def __init__(self, core: Core):
        self.core, self.presence = core, Presence()

    async def server(self, request: Request, exchange: Exchange) -> dict:
        return {"name": NAME, "version": VERSION, "extensions": ["binary_tensor_data"]}

    async def live(self, request: Request, exchange: Exchange) -> dict:
        return {"live": True}

    async def ready(self, request: Request, exchange: Exchange) -> dict:
        if not self.core.manager.ready:
            raise Unavailable("not every model has a version that answers")
        return {"ready": True}

    async def model_ready(self, request: Request, exchange: Exchange) -> dict:
        version = self.core.version(exchange, asked_of(request))
        return {"name": exchange.model, "version": str(version.number), "ready": True}

    async def model(self, request: Request, exchange: Exchange) -> dict:
        version = self.core.version(exchange, asked_of(request))
        signatures = version.servable.signatures
        signature = signatures.get(DEFAULT) or signatures[min(signatures)]
        return {
            "name": exchange.model,
            "versions": [
                str(number) for number in self.core.manager.model(exchange.model).available
            ],
            "platform": "tensorflow_savedmodel",
            "inputs": [described(tensor) for tensor in signature.inputs.values()],
            "outputs": [described(tensor) for tensor in signature.outputs.values()],
        }

    async def infer(self, request: Request, exchange: Exchange) -> dict | Response:
        data = await read_body(self.core, request, exchange)
        head, tail = open_inference_tensors.split(
            data, request.headers.get(open_inference_tensors.HEADER)
        )
        body = parse(head)
        parameters = field(body, "parameters", {})
        wanted = {name_of(each, "outputs"): each for each in field(body, "outputs", [])}

        def decode(signature: Signature):
            chosen(signature.outputs, wanted)  # before the work, not after it
            inputs = field(body, "inputs", [])
            return open_inference_tensors.decoded(inputs, tail, signature, self.core.config.limits)

        signature = parameters.get("signature_name", DEFAULT)
        asked = asked_of(request, signature, timeout_s(request))
        with self.presence.needed(request):
            answer = await self.core.predict(exchange, asked, decode)
        about = {"model_name": asked.model, "model_version": str(answer.version)}
        if "id" in body:
            about["id"] = body["id"]
        everywhere = parameters.get("binary_data_output") is True
        binary = {name for name in answer.outputs if is_binary(wanted.get(name, {}), everywhere)}
        return respond(about, chosen(answer.outputs, wanted), binary)


def is_binary(output: dict, otherwise: bool) -> bool:
    return field(output, "parameters", {}).get("binary_data", otherwise) is True


def respond(about: dict, outputs: Arrays, binary: Collection[str]) -> dict | Response:
    described, tail = open_inference_tensors.encoded(outputs, binary)
    about["outputs"] = described
    if not tail:
        return about
    head = orjson.dumps(about)
    headers = {open_inference_tensors.HEADER: str(len(head))}
    return Response(head + tail, headers=headers, media_type="application/octet-stream")


def described(tensor: Tensor) -> dict:
    shape = tensor.whole_shape or ()
    return {
        "name": tensor.name,
        "datatype": open_inference_tensors.datatype(tensor.dtype),
        "shape": [-1 if size is None else size for size in shape],
    }
