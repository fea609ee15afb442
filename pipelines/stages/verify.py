"""Is what is served what was evaluated? Loads a SavedModel as a server would and scores it.

Run by `export` in a process of its own, which has not loaded the model's code; by hand:
`python -m pipelines verify data/exported/<experiment>`.
"""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.evaluation.context import Evaluation
from pipelines.storage import arrays
from pipelines.storage.trials import Trial

TOLERANCE = 1e-6
BATCH = 256


def run(params_file: Path, folder: str) -> None:
    """folder: an exported one, with model/ and signature.json."""
    about = json.loads((Path(folder) / "signature.json").read_text("utf-8"))
    if (found := arrays.digest(Path(folder) / "model")) != about["digest"]:
        raise UserError(
            f"{folder}/model: its content is {found[:12]}, but signature.json was written for "
            f"{about['digest'][:12]}; it is not loaded; run the export stage again"
        )
    for library in about.get("requires", ()):  # whose operations are in the graph
        importlib.import_module(library)
    stage = Evaluation.of(params_file, about["experiment"])
    trial = Trial(**about["trial"])
    points = score(Path(folder) / "model", stage, trial)
    evaluated = stage.scores(trial)
    compare(points, json.loads(evaluated.read_text("utf-8")), folder)
    print(f"{stage.key}: {len(points)} served scores equal evaluate's to {TOLERANCE:g}")


def score(saved_model: Path, stage: Evaluation, trial: Trial) -> dict[str, float]:
    """Point estimates of a SavedModel over the entire test part, from raw rows."""
    test = trial.load(stage.prepared, "test")
    serve = loader.task_module(stage.task, "serve")
    answer = ask(saved_model, test[stage.spec.raw])
    served = serve.outputs(answer, stage.spec)
    measured = stage.measure(serve, served, test, trial.repeat, resamples=0)
    return {
        f"{group}/{name}": float(values[0])
        for group, scores in measured.items()
        for name, values in scores.items()
    }


def ask(saved_model: Path, rows: Sequence) -> dict[str, np.ndarray]:
    """The default signature's answers to raw rows."""
    signature = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]
    answers = [
        signature(**{name: tf.constant(rows[start : start + BATCH])})
        for start in range(0, len(rows), BATCH)
    ]
    return {key: np.concatenate([a[key].numpy() for a in answers]) for key in answers[0]}


def compare(served: dict[str, float], evaluated: dict[str, float], folder) -> None:
    """Undefined metrics (NaN; not written by evaluate) must be so on both sides."""
    for name, found in served.items():
        value = evaluated.get(name, np.nan)
        if not np.isclose(found, value, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise UserError(
                f"{folder}: {name} is {found:.8f} when served but was {value:.8f} when "
                "evaluated; the graph's preprocessing differs from prepare's, nothing was exported"
            )
