"""The web page: the models, their inputs and outputs, and a form for each.

Its files lie beside this one and need neither a build step nor the internet. The forms send the
same requests as any client; two additional routes describe the models and their examples.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.core.model_versions import Model
from serving.core.prediction import Core, PredictRequest, RequestRecord
from serving.errors import NotFound
from serving.rest.endpoints import Endpoint, EndpointHandler
from serving.servables import repository, text_generator, version_files
from serving.servables.signature import DEFAULT, Signature, TensorSpec

FOLDER = Path(__file__).parent
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
Handler = Callable[[Request, RequestRecord], Awaitable[object]]


def routes(core: Core) -> list[Route]:
    """Routes to add to those of `rest`; their requests are counted in the same way."""

    async def models(request: Request, record: RequestRecord) -> list:
        return [describe_model(model) for _, model in sorted(core.manager.models.items())]

    async def examples(request: Request, record: RequestRecord) -> dict:
        predict_request = PredictRequest(request.path_params["model"])
        version = core.available_version(record, predict_request)
        golden = version_files.read_golden(version.folder)
        if golden is None:
            raise NotFound(f"{record.model}: version {version.number} has no examples")
        return golden["inputs"]

    handlers: dict[str, Handler] = {
        "/page/models": models,
        "/page/models/{model:name}/examples": examples,
    }
    files = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in MEDIA_TYPES:
            url_path = "/" if path.suffix == ".html" else f"/page/{path.name}"
            files[url_path] = file_handler(path)

    def route(path: str, handle: Handler, public: bool) -> Route:
        endpoint = Endpoint("GET", path, "page", handle, "", None, public=public)
        return Route(path, EndpointHandler(core, endpoint), methods=["GET"])

    return [
        *(route(path, handle, False) for path, handle in handlers.items()),
        *(route(path, handle, True) for path, handle in files.items()),  # ask for the token
    ]


def file_handler(path: Path) -> Handler:
    text = path.read_text("utf-8")

    async def send(request: Request, record: RequestRecord) -> Response:
        return Response(text, headers=HEADERS, media_type=MEDIA_TYPES[path.suffix])

    return send


def describe_model(model: Model) -> dict:
    """Versions with their states; of the highest available version its inputs and outputs."""
    description: dict[str, object] = {
        "name": model.name,
        "labels": model.labels,
        "versions": [
            {"version": number, "state": version.state, "error": version.error}
            for number, version in sorted(model.versions.items(), reverse=True)
        ],
        "signatures": [],
    }
    for number in model.available[-1:]:
        version = model.versions[number]
        metadata, signatures = version.loaded.metadata, version.loaded.signatures
        description["task"] = metadata.get("task")
        description["classes"] = metadata.get("labels", [])
        if version.texts is not None:
            inputs = version.texts.generator.generate.inputs
            description["parameters"] = [
                {"name": spec.name, "default": spec.default, "maximum": spec.maximum}
                for spec in inputs.values()
                if spec.name not in (text_generator.PROMPT, text_generator.STOP)
            ]
        description["examples"] = (version.folder / repository.GOLDEN).is_file()
        description["signatures"] = [
            describe_signature(signatures[name], metadata)
            for name in sorted(signatures, key=lambda name: (name != DEFAULT, name))
        ]
    return description


def describe_signature(signature: Signature, metadata: dict) -> dict:
    """metadata: the content of signature.json."""
    fields = metadata.get("signatures", {}).get(signature.name, {})
    sides = {"inputs": signature.inputs, "outputs": signature.outputs}
    return {
        "name": signature.name,
        **{
            side: [describe_tensor(spec, fields.get(side, {})) for spec in specs.values()]
            for side, specs in sides.items()
        },
    }


def describe_tensor(spec: TensorSpec, fields: dict) -> dict:
    """shape: of one row. kind and unit: from signature.json; empty if it has none."""
    metadata = fields.get(spec.name, {})
    return {
        "name": spec.name,
        "type": spec.type_name,
        "shape": spec.shape,
        "batched": spec.batched,
        "kind": metadata.get("kind", ""),
        "unit": metadata.get("unit", ""),
    }
