"""TensorFlow Serving's REST interface, version 1."""

import asyncio

from google.protobuf.json_format import MessageToDict
from starlette.requests import Request

from serving.core.inputs import Inputs, check_inputs
from serving.core.model_versions import Version
from serving.core.prediction import LARGE_BODY, Core, Decode, PredictRequest, RequestRecord
from serving.errors import BadRequest, Unimplemented
from serving.rest import json_tensors
from serving.rest.bodies import read_body
from serving.rest.disconnects import DisconnectGuard
from serving.rest.endpoints import Endpoint, parse_object, timeout_s
from serving.servables.repository import version_number
from serving.servables.signature import DEFAULT, Signature

MODEL = "/v1/models/{model:name}"
PATHS = {
    "": MODEL,
    "_of_version": f"{MODEL}/versions/{{version:name}}",
    "_of_label": f"{MODEL}/labels/{{label:name}}",
}
KEYS = {"instances", "inputs", "signature_name"}
PREDICT_ERRORS = (400, 413, 415, 429, 503, 504)


def endpoints(core: Core) -> list[Endpoint]:
    api = V1(core)
    result = []
    for suffix, path in PATHS.items():
        result += [
            Endpoint(
                "POST", f"{path}:predict", f"predict{suffix}", api.predict,
                "Predictions for rows or columns", "Predictions", "Predict", PREDICT_ERRORS,
            ),
            Endpoint(
                "GET", f"{path}/metadata", f"metadata{suffix}", api.metadata,
                "Signatures of a version", "Metadata", error_codes=(400, 503),
            ),
            Endpoint(
                "GET", path, f"status{suffix}", api.status,
                "Versions and their states", "Status", error_codes=(400, 503),
            ),
        ]  # fmt: skip
        result += [
            Endpoint(
                "POST", f"{path}:{verb}", f"{verb}{suffix}", api.unimplemented,
                "Not implemented: takes tf.Example", "Error", error_codes=(501,),
            )
            for verb in ("classify", "regress")
        ]  # fmt: skip
    return result


class V1:
    def __init__(self, core: Core):
        self.core, self.disconnects = core, DisconnectGuard()

    async def predict(self, request: Request, record: RequestRecord) -> dict:
        data = await read_body(self.core, request, record)
        if len(data) <= LARGE_BODY:
            predict_request, decode, by_rows = self.parse(request, data)
        else:
            deadline = self.core.deadline(record, timeout_s(request))
            async with self.core.decoding_large(deadline):
                predict_request, decode, by_rows = await asyncio.to_thread(
                    self.parse, request, data
                )
                decode = await self.core.decode_on_thread(record, predict_request, decode)
        with self.disconnects.cancel_on_disconnect(request):
            prediction = await self.core.predict(record, predict_request, decode)
        if by_rows:
            return {"predictions": json_tensors.to_rows(prediction.outputs)}
        return {"outputs": json_tensors.to_columns(prediction.outputs)}

    def parse(self, request: Request, data: bytes) -> tuple[PredictRequest, Decode, bool]:
        """What is asked, how to decode its inputs, and whether they have the row format."""
        body = parse_object(data, self.core.config.limits)
        if unknown := sorted(set(body) - KEYS):
            message = f"unknown key {unknown[0]!r:.80}; accepted: {', '.join(sorted(KEYS))}"
            raise BadRequest(message)
        if ("instances" in body) == ("inputs" in body):
            raise BadRequest('exactly one of "instances" (rows) and "inputs" (columns) is needed')
        limits = self.core.config.limits

        def decode(signature: Signature) -> Inputs:
            if "instances" in body:
                arrays = json_tensors.from_rows(body["instances"], signature, limits)
            else:
                arrays = json_tensors.from_columns(body["inputs"], signature, limits)
            return check_inputs(arrays, signature, limits)

        signature_name = body.get("signature_name", DEFAULT)
        predict_request = to_predict_request(request, signature_name, timeout_s(request))
        return predict_request, decode, "instances" in body

    async def status(self, request: Request, record: RequestRecord) -> dict:
        versions = self.core.matching_versions(record, to_predict_request(request))
        return {"model_version_status": [version_status(version) for version in versions]}

    async def metadata(self, request: Request, record: RequestRecord) -> dict:
        predict_request = to_predict_request(request)
        version = self.core.available_version(record, predict_request)
        definitions = {
            name: MessageToDict(
                signature.definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, signature in version.loaded.signatures.items()
        }
        number = str(version.number)
        return {
            "model_spec": {"name": predict_request.model, "signature_name": "", "version": number},
            "metadata": {"signature_def": {"signature_def": definitions}},
        }

    async def unimplemented(self, request: Request, record: RequestRecord) -> dict:
        raise Unimplemented(
            "classify and regress, which take tf.Example, are not implemented; use predict"
        )


def to_predict_request(
    request: Request, signature=DEFAULT, timeout_s: float | None = None
) -> PredictRequest:
    """Model, version and label are from the path."""
    path = request.path_params
    number = parse_version(path.get("version"))
    return PredictRequest(path["model"], number, path.get("label"), signature, timeout_s)


def parse_version(text: str | None) -> int | None:
    if text is None:
        return None
    number = version_number(text)
    if number is None:
        raise BadRequest(f"version {text!r:.80} is not a non-negative integer")
    return number


def version_status(version: Version) -> dict:
    code = "UNKNOWN" if version.error else "OK"
    return {
        "version": str(version.number),
        "state": version.state,
        "status": {"error_code": code, "error_message": version.error},
    }
