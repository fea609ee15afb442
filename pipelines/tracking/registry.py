"""The MLflow model registry: every exported model is a version, one of them the champion."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow.pyfunc
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModelOutput
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.utils.file_utils import local_file_uri_to_path

from pipelines.config.errors import UserError
from pipelines.tracking import location, store

ALIAS = "champion"
TAGS = ("key", "score", "better", "test_digest", "content")  # of every version
CODE = Path(__file__).with_name("registered_model.py")
PINS = Path(__file__).parents[2] / "requirements.txt"
# What registered_model.py imports. Listed, because MLflow would load the model to find out.
REQUIRED = ("mlflow", "tensorflow", "keras", "numpy", "pandas")


def register(
    name: str,
    folder: Path,
    run_id: str,
    *,
    key: str,
    score: float,
    better: str,
    test_digest: str,
    description: str = "",
    interface: Mapping | None = None,
    requirements: list[str] | None = None,
) -> str:
    """Registers the SavedModel in `folder` as a version of model `name`; returns the version.

    score: on the test data that `test_digest` names; `better` is "higher" or "lower".
    description: of the version, Markdown: its model card.
    interface: named inputs, outputs, an example: kept in the model's metadata. It is no MLflow
        signature, as under one pyfunc takes either a list or named columns, never both. Libraries
        that it lists under `requires` are imported before the SavedModel is loaded.
    requirements: pip lines; by default the pins of requirements.txt.

    The same content of the same run is the same version: only its score is brought up to date.
    """
    if better not in ("higher", "lower"):
        raise ValueError(f"better is {better!r}, expected 'higher' or 'lower'")
    if not math.isfinite(score):
        raise UserError(
            "score-not-finite",
            f"the score is {score}, and a version needs a finite one; train the model again with a "
            "lower learning_rate",
            key=f"model {name}",
            value=score,
        )
    content = _content(folder)
    results = {"score": repr(float(score)), "better": better, "test_digest": test_digest}
    client = store.client()
    _create_model(client, name)
    registered = _registered(client, name, run_id, content)
    if registered is not None:
        for tag, value in results.items():
            client.set_model_version_tag(name, registered.version, tag, value)
        client.update_model_version(name, registered.version, description)
        return str(registered.version)
    with TemporaryDirectory() as scratch:
        packed = Path(scratch) / "model"
        model = Model(run_id=run_id, metadata=dict(interface) if interface else None)
        libraries = list((interface or {}).get("requires", ()))
        _pack(packed, folder, model, requirements or _pins(libraries), libraries)
        model_id, source = _upload(client, name, run_id, packed)
    tags = results | {"key": key, "content": content}
    version = client.create_model_version(
        name, source, run_id, tags=tags, description=description, model_id=model_id
    )
    return str(version.version)


def champion(name: str) -> dict | None:
    """The version with the alias `champion`, or None if the model has none.

    {"name", "version", "run_id", "key", "score", "better", "test_digest", "content"}; of a version
    that was registered by hand, None for what `register` would have written.
    """
    try:
        aliases = store.client().get_registered_model(name).aliases
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    if ALIAS not in aliases:
        return None
    version = store.client().get_model_version(name, aliases[ALIAS])
    identity = {"name": name, "version": str(version.version), "run_id": version.run_id}
    tags = {**dict.fromkeys(TAGS), **version.tags, **identity}
    return {**tags, "score": _finite(tags["score"])}


def saved_model(version: Mapping) -> Path:
    """The SavedModel of a version as `champion` describes it; from a server it is downloaded.

    Raises:
        UserError: `model-changed`, its content is not what was registered, whatever path its
            MLmodel file names; `model-unverified`, it was registered by hand; `model-missing`.
    """
    if version["content"] is None:
        raise UserError(
            "model-unverified",
            "it was not registered by the export stage, so what it is cannot be checked and it is "
            f"not loaded; give the alias {ALIAS} to a version that export has registered",
            key=f"model {version['name']} version {version['version']}",
        )
    path = _download(version)
    if _content(path) != version["content"]:
        raise UserError(
            "model-changed",
            f"not what was registered as {version['name']} version {version['version']}, so it is "
            "not loaded; run its export stage again, which registers it again",
            path=path,
        )
    return path


def _download(version: Mapping) -> Path:
    """The folder of a version's SavedModel, as its MLmodel file names it."""
    client = store.client()
    try:
        uri = client.get_model_version_download_uri(version["name"], version["version"])
        folder = Path(download_artifacts(artifact_uri=uri, tracking_uri=client.tracking_uri))
        flavor = Model.load(folder).flavors[mlflow.pyfunc.FLAVOR_NAME]
    except (MlflowException, OSError) as error:
        raise UserError(
            "model-missing",
            f"its files are gone ({str(error).strip().splitlines()[0]}); delete this version in "
            "MLflow, and run its export stage again",
            key=f"model {version['name']} version {version['version']}",
        ) from error
    return folder / flavor["artifacts"]["saved_model"]["path"]


def _finite(text: str | None) -> float | None:
    """The number, or None where a person has written something else."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def promote(name: str, version: str) -> None:
    """Moves the alias `champion` to this version, whose card then describes the model."""
    client = store.client()
    client.set_registered_model_alias(name, ALIAS, version)
    client.update_registered_model(name, client.get_model_version(name, version).description)


def _create_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _registered(client: MlflowClient, name: str, run_id: str, content: str) -> ModelVersion | None:
    page = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    same = (version for version in page if version.tags.get("content") == content)
    return next((version for version in same if _has_files(version)), None)


def _has_files(version: ModelVersion) -> bool:
    """False where the local folder of a version was deleted, as `mlflow gc` does."""
    return not (location.is_local() and (version.source or "").startswith(("/", "file:"))) or (
        Path(local_file_uri_to_path(version.source or "")).is_dir()
    )


def _pack(
    target: Path, folder: Path, model: Model, requirements: list[str], libraries: list[str]
) -> None:
    """An MLflow model folder: the SavedModel, the code that loads it, what to install."""
    mlflow.pyfunc.save_model(
        target,
        mlflow_model=model,
        python_model=str(CODE),
        artifacts={"saved_model": str(folder)},
        pip_requirements=requirements,
        model_config={"requires": libraries},
    )


def _upload(client: MlflowClient, name: str, run_id: str, packed: Path) -> tuple[str, str]:
    """The folder as a logged model of the run: its id, and where the registry finds it.

    A server knows the model by its id and refuses a path; a local store would look the id up in
    MLflow's global tracking URI, which is not set here, and takes the path.
    """
    run = client.get_run(run_id)
    store.check_location(run)
    experiment_id = run.info.experiment_id
    logged = client.create_logged_model(experiment_id, name, source_run_id=run_id)
    client.log_model_artifacts(logged.model_id, str(packed))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    remote = client.tracking_uri.startswith("http")
    return logged.model_id, f"models:/{logged.model_id}" if remote else logged.artifact_location


def _pins(libraries: list[str]) -> list[str]:
    required = {*REQUIRED, *(name.replace("_", "-") for name in libraries)}
    lines = [line.partition("#")[0].strip() for line in PINS.read_text().splitlines()]
    return [line for line in lines if line.partition("==")[0] in required]


def _content(folder: Path) -> str:
    """A hash of every file's name and bytes."""
    if not (folder / "saved_model.pb").exists():
        raise UserError(
            "saved-model-missing", "no saved_model.pb; run the export stage again", path=folder
        )
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
