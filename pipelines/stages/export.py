"""Stage 4: the best trial becomes a SavedModel that takes raw input and is verified.

A process of its own loads what was written and scores the whole test split with it; only if those
scores equal evaluate's is the folder put in place and the model registered.
"""

import base64
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from pipelines import tracking
from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.config.file_names import TRACKED
from pipelines.evaluation import load_model, model_card
from pipelines.evaluation.context import Evaluation
from pipelines.inference.decision import DecisionRule
from pipelines.runtime import timing
from pipelines.stages import promotion
from pipelines.stages.verify import predict_in_batches, score
from pipelines.storage import arrays, atomic, trials
from pipelines.storage.exported import SCHEMA_VERSION
from pipelines.storage.trials import Trial

if TYPE_CHECKING:
    from pipelines.tasks.contract import TaskInfo

GOLDEN_ROWS = 8
READING_VERSION = 1  # of `reading` in signature.json; raised when its keys or their meaning change


def run(params_file: Path, key: str) -> None:
    stage = Evaluation.of(params_file, key)
    record = stage.record()
    tracked = Path("data/metrics") / key / "scores" / TRACKED
    trial = best(stage)
    with (
        tracking.resume(record, files=stage.trained, metrics=tracked) as main,
        atomic.folder(Path("data/exported") / key) as folder,
    ):
        with timing.part("export"):
            write_saved_model(stage, trial, folder)
            write_contract(stage, trial, folder, main.id)
        with timing.part("verify"):
            verify(params_file, folder)
        with timing.part("register"):
            main.exported(folder)
            register(stage, trial, folder, main)


def best(stage: Evaluation) -> Trial:
    """The trial that is the best on validation; test scores have no influence."""
    by_folder = {stage.trained / trial.name: trial for trial in stage.trials()}
    return by_folder[trials.best(by_folder)]


def write_saved_model(stage: Evaluation, trial: Trial, folder: Path) -> None:
    source, assets = stage.trained / trial.name, trial.assets(stage.prepared)
    serve = loader.task_module(stage.task, "serve")
    if stage.is_estimator:
        module, signatures = serve.estimator_endpoints(stage.estimator(trial), stage.spec, assets)
    else:
        model = load_model.load(source, stage.record())
        rule = DecisionRule.load(source / "decision.json")
        module, signatures = serve.endpoints(model, stage.spec, assets, rule)
    tf.saved_model.save(module, str(folder / "model"), signatures)


def write_contract(stage: Evaluation, trial: Trial, folder: Path, run_id: str) -> None:
    """signature.json: inputs and outputs. golden.json: requests with the outputs to expect."""
    serve = loader.task_module(stage.task, "serve")
    loaded = tf.saved_model.load(str(folder / "model"))  # requires: imported by `endpoints`
    contract = {
        "schema_version": SCHEMA_VERSION,
        "experiment": stage.key,
        "task": stage.task,
        "trial": asdict(trial),
        "run_id": run_id,
        "labels": stage.spec.labels,
        "requires": required(serve, stage.spec),  # what to import before loading
        "digest": arrays.digest(folder / "model"),
        "reading": reading(stage),
        "signatures": {
            name: describe(signature, serve, stage.spec, trial.assets(stage.prepared))
            for name, signature in loaded.signatures.items()
        },
    }
    trials.write_json(folder / "signature.json", contract, sort_keys=True)
    test = trial.load(stage.prepared, "test")
    if hasattr(serve, "examples"):
        requests = serve.examples(test, stage.spec, GOLDEN_ROWS)
    else:
        requests = {name: test[name][:GOLDEN_ROWS] for name in stage.spec.request_inputs}
    outputs = predict_in_batches(folder / "model", requests)
    golden = {
        "schema_version": SCHEMA_VERSION,
        "inputs": {
            name: [to_tfserving_json(row) for row in column] for name, column in requests.items()
        },
        "outputs": {name: decode_strings(values.tolist()) for name, values in outputs.items()},
    }
    trials.write_json(folder / "golden.json", golden, sort_keys=True)


def reading(stage: Evaluation) -> dict:
    """How the files of the data set are read, so that `predict` reads a new one alike."""
    dataset = stage.params.datasets[stage.params.dataset_of(stage.key)]
    return {
        "schema_version": READING_VERSION,
        "recipe": dataset.recipe,
        "options": loader.options(dataset).model_dump(mode="json", exclude_unset=True),
        "task_metadata": stage.spec.task_metadata,
    }


def required(serve, spec) -> tuple[str, ...]:
    """Libraries whose operations are in the graph, as the task's module names them."""
    return serve.requires(spec) if hasattr(serve, "requires") else getattr(serve, "REQUIRES", ())


def describe(signature, serve, spec, assets: Path) -> dict:
    """Inputs and outputs by name: dtype and shape, and kind, unit and sizes as the task gives them.

    Args:
        signature: of a loaded SavedModel.
        serve: the task's module, with KINDS and optionally `units` and `sizes`.
        spec: of the data set.
        assets: the folder of vocabularies and the like.
    """
    units = serve.units(spec) if hasattr(serve, "units") else {}
    sizes = serve.sizes(spec, assets) if hasattr(serve, "sizes") else {}
    sides = {
        "inputs": signature.structured_input_signature[1],
        "outputs": signature.structured_outputs,
    }
    return {
        side: {
            name: {"dtype": tensor.dtype.name, "shape": tensor.shape.as_list()}
            | ({"kind": serve.KINDS[name]} if name in serve.KINDS else {})
            | ({"unit": units[name]} if units.get(name) else {})
            | (sizes.get(name, {}) if side == "inputs" else {})
            for name, tensor in tensors.items()
        }
        for side, tensors in sides.items()
    }


def decode_strings(values):
    """Nested lists as JSON takes them, at any depth: bytes as text, or base64 if they are none."""
    if isinstance(values, list):
        return [decode_strings(value) for value in values]
    try:
        return values.decode("utf-8") if isinstance(values, bytes) else values
    except UnicodeDecodeError:
        return to_tfserving_json(values)


def to_tfserving_json(row):
    """A row of a request as TensorFlow Serving's REST interface takes it: bytes in base64."""
    if isinstance(row, bytes):
        return {"b64": base64.b64encode(row).decode()}
    return row.tolist() if isinstance(row, np.ndarray | np.generic) else row


def verify(params_file: Path, folder: Path) -> None:
    """`python -m pipelines verify` in a process of its own."""
    arguments = ["verify", str(folder), "--params", str(params_file)]
    command = [sys.executable, "-m", "pipelines", *arguments]
    # Its time is the part `verify` of this stage, not a stage's.
    environ = {name: os.environ[name] for name in os.environ if name != timing.TARGET}
    if subprocess.run(command, env=environ, check=False).returncode:
        raise UserError(
            "verification-failed",
            "the exported model failed its check (above); nothing exported",
            path=folder.name,
        )


def register(stage: Evaluation, trial: Trial, folder: Path, run) -> None:
    """A version in the registry, and the alias `champion` if it deserves it."""
    info = loader.task_info(stage.task)
    primary, direction = f"test/{info.primary_metric}", info.direction(info.primary_metric)
    points = json.loads(stage.scores(trial).read_text("utf-8"))
    value = points[primary]
    name = f"{stage.task}-{stage.params.dataset_of(stage.key)}"
    digest = stage.spec.digests[f"repeat{trial.repeat}/test"]
    present = tracking.champion(name)
    version = tracking.register(
        name, folder / "model", run.id, key=stage.key, score=value, better=direction,
        test_digest=digest, description=model_card.card(stage, trial, name, folder),
        interface=json.loads((folder / "signature.json").read_text("utf-8")),
    )  # fmt: skip
    promoted, reason = promotion.should_promote(
        value, baseline_values(points, info), present, digest,
        lambda champion: rescore(champion, stage, trial, primary),
        higher=direction == "higher",
    )  # fmt: skip
    if promoted:
        tracking.promote(name, version)
    state = "champion" if promoted else "not champion"
    print(f"{name} version {version}: {state}; {primary} {reason}")


def rescore(champion: Mapping, stage: Evaluation, trial: Trial, primary: str) -> float | None:
    """The champion's metric on the present test rows; None for one that was registered by hand."""
    for library in getattr(loader.task_module(stage.task, "serve"), "REQUIRES", ()):
        importlib.import_module(library)  # the champion's graph may have its operations
    try:
        folder = tracking.saved_model(champion)
    except UserError as error:
        if error.code not in ("model-unverified", "model-missing"):
            raise
        return None
    return score(folder, stage, trial)[primary]


def baseline_values(points: dict[str, float], info: "TaskInfo") -> promotion.Baselines:
    """The values of the primary metric that a champion is compared with."""
    names = [name.partition("/") for name in points if name.startswith("baseline_")]
    groups = sorted({group for group, _, metric in names if metric == info.primary_metric})
    value = {group: points[f"{group}/{info.primary_metric}"] for group in groups}
    trivial = {group: value[group] for group in groups if info.is_trivial(group)}
    strong = info.strong_baseline
    return promotion.Baselines(trivial, {strong: value[strong]} if strong in value else {})
