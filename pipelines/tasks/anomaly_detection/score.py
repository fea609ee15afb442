"""What a network gives to the rows of a split."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.anomaly_detection.detector import Detector
from pipelines.tasks.anomaly_detection.metrics import Outputs, score, weights

__all__ = ["Outputs", "outputs_of", "predict", "score", "weights"]

BATCH = 256


def predict(
    model, columns: dict, spec: DataSpec, decision: DecisionRule, assets: Path | None = None
) -> Outputs:
    """The graph that is served, in the same batches, on each row. assets: not needed."""
    detector, history = Detector(model, spec, decision), columns["history"]
    answers = [
        detector.judge(tf.constant(np.asarray(history[start : start + BATCH])))
        for start in range(0, len(history), BATCH)
    ]
    return outputs_of(
        {name: np.concatenate([a[name].numpy() for a in answers]) for name in answers[0]}
    )


def outputs_of(answer: dict[str, np.ndarray]) -> Outputs:
    """What the endpoint answered, by name, in the form that `score` takes."""
    return Outputs(
        answer["score"], answer["anomaly"], expected=answer.get("expected"),
        contribution=answer.get("contribution"), threshold=float(answer["threshold"][0]),
    )  # fmt: skip
