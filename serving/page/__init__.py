"""The page for people: the models, what they take and give, and a form for each.

Its files lie beside this one and need neither a build nor the internet. The forms send the same
requests as any client; two routes of the page's own say what it shows.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.core.model_versions import Model
from serving.core.prediction import Asked, Core, Exchange
from serving.errors import NotFound
from serving.rest.endpoints import Answering, Endpoint
from serving.servables import repository, warmup
from serving.servables.signature import DEFAULT, Signature, Tensor

FOLDER = Path(__file__).parent
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def routes(core: Core) -> list[Route]:
    """To be mounted beside those of `rest`; requests of it are counted as the others are."""

    async def models(request: Request, exchange: Exchange) -> list:
        return [described(model) for _, model in sorted(core.manager.models.items())]

    async def examples(request: Request, exchange: Exchange) -> dict:
        version = core.version(exchange, Asked(request.path_params["model"]))
        found = warmup.read(version.folder / repository.GOLDEN)
        if found is None:
            raise NotFound(f"{exchange.model}: version {version.number} has no examples")
        return found["inputs"]

    acts = {"/page/models": models, "/page/models/{model:name}/examples": examples}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            acts["/" if path.suffix == ".html" else f"/page/{path.name}"] = sending(path)
    return [
        Route(path, Answering(core, Endpoint("GET", path, "page", act, "", None)), methods=["GET"])
        for path, act in acts.items()
    ]


def sending(path: Path):
    text = path.read_text("utf-8")

    async def send(request: Request, exchange: Exchange) -> Response:
        return Response(text, headers=HEADERS, media_type=TYPES[path.suffix])

    return send


def described(model: Model) -> dict:
    """Versions and states; of the version that answers, what it takes and gives."""
    found = {
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
        about, signatures = version.servable.about, version.servable.signatures
        found["task"] = about.get("task")
        found["classes"] = about.get("labels", [])
        found["examples"] = (version.folder / repository.GOLDEN).is_file()
        found["signatures"] = [
            signature(signatures[name], about)
            for name in sorted(signatures, key=lambda name: (name != DEFAULT, name))
        ]
    return found


def signature(found: Signature, about: dict) -> dict:
    units = about.get("signatures", {}).get(found.name, {})
    return {
        "name": found.name,
        **{
            side: [tensor(each, units.get(side, {}).get(each.name, {})) for each in tensors]
            for side, tensors in (
                ("inputs", found.inputs.values()),
                ("outputs", found.outputs.values()),
            )
        },
    }


def tensor(found: Tensor, about: dict) -> dict:
    """shape: of one row. unit: where the model's publisher has said it."""
    return {
        "name": found.name,
        "type": found.type_name,
        "shape": found.shape,
        "batched": found.batched,
        "unit": about.get("unit", ""),
    }
