"""TensorFlow Serving's REST interface, version 1."""

from google.protobuf.json_format import MessageToDict
from starlette.requests import Request

from serving.core.model_versions import Version
from serving.core.prediction import Asked, Core, Exchange
from serving.errors import BadRequest, NotOffered
from serving.rest import json_tensors
from serving.rest.disconnects import Presence
from serving.rest.endpoints import Endpoint, parse, read_body, timeout_s
from serving.servables.repository import version_number
from serving.servables.signature import DEFAULT, Signature

MODEL = "/v1/models/{model:name}"
PLACES = {
    "": MODEL,
    "_of_version": f"{MODEL}/versions/{{version:name}}",
    "_of_label": f"{MODEL}/labels/{{label:name}}",
}
KEYS = {"instances", "inputs", "signature_name"}
PREDICTING = (400, 413, 429, 503, 504)


def endpoints(core: Core) -> list[Endpoint]:
    face = V1(core)
    found = []
    for suffix, path in PLACES.items():
        found += [
            Endpoint(
                "POST", f"{path}:predict", f"predict{suffix}", face.predict,
                "Answers of a model, to rows or columns", "Predictions", "Predict", PREDICTING,
            ),
            Endpoint(
                "GET", f"{path}/metadata", f"metadata{suffix}", face.metadata,
                "Signatures of a version", "Metadata", failures=(400, 503),
            ),
            Endpoint(
                "GET", path, f"status{suffix}", face.status,
                "Versions and their states", "Status", failures=(400, 503),
            ),
        ]  # fmt: skip
        found += [
            Endpoint(
                "POST", f"{path}:{verb}", f"{verb}{suffix}", face.left_out,
                "Not offered: takes tf.Example", "Error", failures=(501,),
            )
            for verb in ("classify", "regress")
        ]  # fmt: skip
    return found


class V1:
    def __init__(self, core: Core):
        self.core, self.presence = core, Presence()

    async def predict(self, request: Request, exchange: Exchange) -> dict:
        body = parse(await read_body(self.core, request, exchange))
        if unknown := sorted(set(body) - KEYS):
            raise BadRequest(f"unknown key {unknown[0]!r:.80}; known: {', '.join(sorted(KEYS))}")
        if ("instances" in body) == ("inputs" in body):
            raise BadRequest('either "instances" (rows) or "inputs" (columns) is needed')
        limits = self.core.config.limits

        def decode(signature: Signature):
            if "instances" in body:
                return json_tensors.from_rows(body["instances"], signature, limits)
            return json_tensors.from_columns(body["inputs"], signature, limits)

        asked = asked_of(request, body.get("signature_name", DEFAULT), timeout_s(request))
        with self.presence.needed(request):
            answer = await self.core.predict(exchange, asked, decode)
        if "instances" in body:
            return {"predictions": json_tensors.to_rows(answer.outputs)}
        return {"outputs": json_tensors.to_columns(answer.outputs)}

    async def status(self, request: Request, exchange: Exchange) -> dict:
        versions = self.core.versions(exchange, asked_of(request))
        return {"model_version_status": [state(version) for version in versions]}

    async def metadata(self, request: Request, exchange: Exchange) -> dict:
        asked = asked_of(request)
        version = self.core.version(exchange, asked)
        definitions = {
            name: MessageToDict(
                signature.definition,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, signature in version.servable.signatures.items()
        }
        number = str(version.number)
        return {
            "model_spec": {"name": asked.model, "signature_name": "", "version": number},
            "metadata": {"signature_def": {"signature_def": definitions}},
        }

    async def left_out(self, request: Request, exchange: Exchange) -> dict:
        raise NotOffered("classify and regress, which take tf.Example, are not offered: predict is")


def asked_of(request: Request, signature=DEFAULT, timeout_s: float | None = None) -> Asked:
    place = request.path_params
    return Asked(place["model"], number_of(place), place.get("label"), signature, timeout_s)


def number_of(place: dict) -> int | None:
    if "version" not in place:
        return None
    number = version_number(place["version"])
    if number is None:
        raise BadRequest(f"version {place['version']!r:.80} is not a whole number")
    return number


def state(version: Version) -> dict:
    code = "UNKNOWN" if version.error else "OK"
    return {
        "version": str(version.number),
        "state": version.state,
        "status": {"error_code": code, "error_message": version.error},
    }
