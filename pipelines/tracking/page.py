"""MLflow's own page, opened as this project uses it: model training, headline metrics first.

What MLflow's page shows at first is kept by the browser alone: agents instead of models, an
assistant, runs without metrics. So the page's HTML gets a script that gives a browser these
preferences where it has none yet. Whatever a person changes there stays changed.
"""

import json
import os
import warnings
from collections.abc import Mapping

from pipelines.tracking import experiments, location, store

# Names and values as MLflow 3.17 keeps them; another version ignores what it does not know.
PREFERENCES = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,  # or it opens by itself, once
    "mlflow.assistant.panelOpen_v1": False,
    "mlflow.home.getting-started.collapsed_v1": True,
    "mlflow.settings.telemetry.enabled_v1": False,
    "mlflow.telemetry.info.alert.dismissed_v1": True,
    "_mlflow_model_registry_promo_modal_dismissed_v1": True,
}
EXPERIMENT_PAGE = 'MLflowLocalStorage-1.1-ExperimentPage-["{id}"]-ReactComponentState'
HEAD = b"</head>"


def application():
    """MLflow's server of this project's store, as an ASGI application.

    One process, without MLflow's job runners. The names of the variables are MLflow's, which its
    command line sets in the same way.
    """
    uri = store.client().tracking_uri
    artifacts = location.artifact_uri(store.root() / "mlruns")
    os.environ |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "_MLFLOW_SGI_NAME": "uvicorn"}
    from mlflow import server

    os.environ |= {
        server.BACKEND_STORE_URI_ENV_VAR: uri,
        server.REGISTRY_STORE_URI_ENV_VAR: uri,
        server.ARTIFACT_ROOT_ENV_VAR: artifacts,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow uses what its web framework deprecates
        from mlflow.server.fastapi_app import app
    return StartPage(app)


class StartPage:
    """An ASGI application whose page "/" also sets the preferences of a new browser."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        # Never "304 Not Modified": the script changes with the experiments.
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(b"if-")]
        started: dict = {}
        body = bytearray()

        async def collect(message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            content = bytes(body).replace(HEAD, script().encode() + HEAD, 1)
            await send({**started, "headers": resized(started["headers"], len(content))})
            await send({"type": "http.response.body", "body": content})

        await self.app({**scope, "headers": headers}, receive, collect)


def resized(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    dropped = (b"content-length", b"etag", b"last-modified")
    rest = [(name, value) for name, value in headers if name.lower() not in dropped]
    return [*rest, (b"content-length", str(length).encode()), (b"cache-control", b"no-store")]


def script() -> str:
    """Sets each preference that the browser does not have."""
    values = json.dumps(preferences()).replace("<", "\\u003c")
    return (
        f"<script>for (const [name, value] of Object.entries({values}))"
        "if (localStorage.getItem(name) === null) localStorage.setItem(name, value);</script>"
    )


def preferences() -> Mapping[str, str]:
    """Name -> value as the browser's localStorage has it."""
    values = {name: json.dumps(value) for name, value in PREFERENCES.items()}
    for entry in store.client().search_experiments():
        state = experiments.view_state(entry)
        if state is not None:
            values[EXPERIMENT_PAGE.format(id=entry.experiment_id)] = state
    return values
