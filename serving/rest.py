"""TensorFlow Serving's REST interface (version 1), over the core.

Every answer that is no success is {"error": "..."}.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from serving import validation
from serving.errors import BadRequest, NotFound, ServingError, TooLarge, Unavailable
from serving.manager import Manager, Version
from serving.metrics import Metrics
from serving.servable import Signature

JSON = "application/json"
DEADLINE = "x-request-timeout-ms"
log = logging.getLogger("serving.access")


class Rest:
    """Routes of one server."""

    def __init__(self, manager: Manager, metrics: Metrics, limits: validation.Limits):
        self.manager, self.metrics, self.limits = manager, metrics, limits

    def routes(self) -> list[Route]:
        model = "/v1/models/{model}"
        found = [Route("/monitoring/prometheus/metrics", self.prometheus)]
        for path in (model, f"{model}/versions/{{version}}", f"{model}/labels/{{label}}"):
            found += [
                Route(f"{path}:predict", self.answer(self.predict), methods=["POST"]),
                Route(f"{path}/metadata", self.answer(self.metadata)),
                Route(path, self.answer(self.status)),
            ]
        return found

    def answer(self, act: Callable[[Request], Awaitable[dict]]):
        """An endpoint that counts, logs, and turns errors into their answers."""

        async def endpoint(request: Request) -> Response:
            began = time.perf_counter()
            try:
                status, body = 200, await act(request)
            except ServingError as error:
                status, body = error.status, {"error": str(error)}
            except ClientDisconnect:
                status, body = 499, {"error": "the client has gone"}
            seconds = time.perf_counter() - began
            model = request.path_params["model"]
            known = model if model in self.manager.models else "unknown"
            self.metrics.answered(known, "rest", status, seconds)
            log.info(
                "request",
                extra={
                    "model": model, "path": request.url.path, "status": status,
                    "seconds": round(seconds, 6),
                },
            )  # fmt: skip
            return Response(encoded(body), status, media_type=JSON)

        return endpoint

    async def predict(self, request: Request) -> dict:
        if self.manager.draining:
            raise Unavailable("the server is about to stop")
        version = self.version(request)
        body = await self.body(request)
        signature = chosen_signature(version, body)
        row_format = "instances" in body
        if row_format:
            inputs = validation.instances(body["instances"], signature, self.limits)
        else:
            inputs = validation.columns(body["inputs"], signature, self.limits)
        rows = len(next(iter(inputs.values()))) if signature.batched else 1
        outputs = await version.predict(signature.name, inputs, rows, deadline(request))
        return as_rows(outputs) if row_format else as_columns(outputs)

    def version(self, request: Request) -> Version:
        about = request.path_params
        model = self.manager.model(about["model"])
        number = about.get("version")
        if number is not None and not (number.isascii() and number.isdecimal()):
            raise BadRequest(f"version {number!r} is not a number")
        return model.version(None if number is None else int(number), about.get("label"))

    async def body(self, request: Request) -> dict:
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > self.limits.body_bytes:
                raise TooLarge(f"the body is longer than {self.limits.body_bytes} bytes")
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise BadRequest(f"the body is not JSON: {error}") from None
        if not isinstance(found, dict) or ("instances" in found) == ("inputs" in found):
            raise BadRequest('the body must be an object with either "instances" or "inputs"')
        unknown = set(found) - {"instances", "inputs", "signature_name"}
        if unknown:
            raise BadRequest(
                f"unknown key {sorted(unknown)[0]!r}; known: inputs, instances, signature_name"
            )
        return found

    async def status(self, request: Request) -> dict:
        model = self.manager.model(request.path_params["model"])
        only = None
        if {"version", "label"} & set(request.path_params):
            only = self.version(request).number
        if not model.versions:
            raise NotFound(f"{model.name}: no version has been found")
        return {"model_version_status": [state(v) for v in shown(model, only)]}

    async def metadata(self, request: Request) -> dict:
        version = self.version(request)
        model = request.path_params["model"]
        return {
            "model_spec": {"name": model, "signature_name": "", "version": str(version.number)},
            "metadata": {
                "signature_def": {
                    "signature_def": {
                        name: described(signature)
                        for name, signature in version.servable.signatures.items()
                    }
                }
            },
        }

    async def prometheus(self, request: Request) -> Response:
        text, kind = self.metrics.text()
        return Response(text, media_type=kind)

    def app(self, more: list[Route] = ()) -> Starlette:
        return Starlette(routes=[*self.routes(), *more])


def chosen_signature(version: Version, body: dict) -> Signature:
    name = body.get("signature_name", "serving_default")
    signatures = version.servable.signatures
    if not isinstance(name, str) or name not in signatures:
        raise BadRequest(f"no signature {name!r}; signatures: {', '.join(sorted(signatures))}")
    return signatures[name]


def deadline(request: Request) -> float:
    """Of time.monotonic(). The header holds the milliseconds that the client will wait."""
    text = request.headers.get(DEADLINE)
    if text is None:
        return math.inf
    try:
        wait_ms = float(text)
    except ValueError:
        wait_ms = math.nan
    if not wait_ms > 0:
        raise BadRequest(f"{DEADLINE}: a number of milliseconds above 0 is needed; found {text!r}")
    return time.monotonic() + wait_ms / 1000


def as_rows(outputs: dict) -> dict:
    columns = {name: plain(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def as_columns(outputs: dict) -> dict:
    columns = {name: plain(name, array) for name, array in outputs.items()}
    return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}


def plain(name: str, array):
    """Lists. Bytes are texts, and base64 where the output's name ends in _bytes."""
    if array.dtype != object:
        return array.tolist()
    return [validation.text(value, name) for value in array.tolist()]


def encoded(body: dict) -> bytes:
    """JSON; numbers that are not finite are null."""
    return orjson.dumps(body)


def shown(model, only: int | None) -> list[Version]:
    """Versions, highest first, as TensorFlow Serving lists them."""
    numbers = sorted(model.versions, reverse=True) if only is None else [only]
    return [model.versions[number] for number in numbers]


def state(version: Version) -> dict:
    code = "UNKNOWN" if version.error else "OK"
    return {
        "version": str(version.number),
        "state": version.state,
        "status": {"error_code": code, "error_message": version.error},
    }


def described(signature: Signature) -> dict:
    """As the SignatureDef message reads in JSON."""
    sides = {"inputs": signature.inputs, "outputs": signature.outputs}
    return {
        **{
            side: {name: _tensor_info(tensor) for name, tensor in tensors.items()}
            for side, tensors in sides.items()
        },
        "method_name": "tensorflow/serving/predict",
    }


def _tensor_info(tensor) -> dict:
    sizes = [None, *tensor.shape] if tensor.batched else tensor.shape
    return {
        "dtype": f"DT_{DTYPES.get(tensor.dtype, tensor.dtype.upper())}",
        "tensor_shape": {
            "dim": [{"size": str(-1 if size is None else size), "name": ""} for size in sizes],
            "unknown_rank": False,
        },
        "name": tensor.name,
    }


DTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
