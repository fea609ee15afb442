"""Is what is served what was evaluated? Loads a SavedModel as a server would and scores it.

Run by `export` in a process of its own, which has not loaded the model's code; by hand:
`python -m pipelines verify data/exported/<experiment>`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.config import loader
from pipelines.config.errors import UserError
from pipelines.evaluation.context import Evaluation
from pipelines.storage import exported
from pipelines.storage.trials import Trial

TOLERANCE = 1e-6
BATCH = 256


def run(params_file: Path, folder: str) -> None:
    """Scores an exported model.

    Args:
        folder: an exported one, with model/ and signature.json.

    Raises:
        UserError: the folder's content is not what `export` wrote, or its scores are not those
            of `evaluate`.
    """
    model = Path(folder) / "model"
    contract = exported.read_contract(Path(folder) / "signature.json")
    exported.check_digest(model, contract)
    exported.import_required(contract)
    stage = Evaluation.of(params_file, contract["experiment"])
    trial = Trial(**contract["trial"])
    served = score(model, stage, trial)
    evaluated = json.loads(stage.scores(trial).read_text("utf-8"))
    compare(served, evaluated, folder)
    print(f"{stage.key}: {len(served)} served scores equal evaluate's to {TOLERANCE:g}")


def score(saved_model: Path, stage: Evaluation, trial: Trial) -> dict[str, float]:
    """Point estimates of a SavedModel over the entire test split, from what clients send."""
    test = trial.load(stage.prepared, "test")
    serve = loader.task_module(stage.task, "serve")
    requests = {name: test[name] for name in stage.spec.request_inputs}
    scored = getattr(serve, "SCORED", "serving_default")
    served = serve.outputs(predict_in_batches(saved_model, requests, scored), stage.spec)
    measured = stage.measure(serve, served, test, trial.repeat, resamples=0)
    return {
        f"{group}/{name}": float(values[0])
        for group, scores in measured.items()
        for name, values in scores.items()
    }


def predict_in_batches(
    saved_model: Path, requests: Mapping[str, Sequence], name: str = "serving_default"
) -> dict:
    """The outputs of a signature, by name, for columns of its inputs."""
    signature = tf.saved_model.load(str(saved_model)).signatures[name]
    rows = len(next(iter(requests.values())))
    answers = [
        signature(
            **{
                name: tf.constant(column[start : start + BATCH])
                for name, column in requests.items()
            }
        )
        for start in range(0, rows, BATCH)
    ]
    return {
        name: np.concatenate([answer[name].numpy() for answer in answers]) for name in answers[0]
    }


def compare(served: dict[str, float], evaluated: dict[str, float], folder) -> None:
    """Undefined metrics (NaN; not written by evaluate) must be so on both sides."""
    for name, served_value in served.items():
        value = evaluated.get(name, np.nan)
        if not np.isclose(served_value, value, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise UserError(
                "served-score-differs",
                f"{name} is {served_value:.8f} when served but was {value:.8f} when evaluated; "
                "the graph's preprocessing differs from prepare's, nothing was exported",
                path=folder, key=name, value=served_value,
            )  # fmt: skip
