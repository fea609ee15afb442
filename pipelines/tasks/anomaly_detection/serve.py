"""The served detector: the last readings in, score and alarm of the very last one out."""

from pathlib import Path

import numpy as np

from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.anomaly_detection.detector import Detector
from pipelines.tasks.anomaly_detection.metrics import Outputs, score, weights
from pipelines.tasks.anomaly_detection.score import outputs_of
from pipelines.tasks.anomaly_detection.serve_classical import estimator_endpoints

__all__ = [
    "KINDS", "endpoints", "estimator_endpoints", "examples", "outputs", "score", "units", "weights"
]  # fmt: skip

KINDS = {
    "history": "series", "score": "score", "anomaly": "alarm", "threshold": "number",
    "expected": "values", "contribution": "values",
}  # fmt: skip


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    detector = Detector(model, spec, decision)
    return detector, {"serving_default": detector.judge}


def units(spec: DataSpec) -> dict[str, str]:
    """Of inputs and outputs; of several columns all distinct units: "m/s2, rad/s"."""
    unit = spec.inputs["history"].unit
    return {"history": unit, "expected": unit}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    return outputs_of(answer)


def examples(test: dict, spec: DataSpec, rows: int) -> dict[str, np.ndarray]:
    """For golden.json: rows that are spread over the first events, and normal ones."""
    event = np.asarray(test["event"])
    inside = np.flatnonzero(event >= 0)[:: max(1, int((event >= 0).sum()) // rows)][: rows // 2]
    outside = np.flatnonzero(event < 0)
    normal = outside[np.linspace(0, len(outside) - 1, rows - len(inside)).astype(int)]
    # Rows by turns, so that a reader of the page's examples meets both.
    order = [row for pair in zip(inside, normal, strict=False) for row in pair]
    order += normal[len(inside) :].tolist()
    return {"history": np.asarray(test["history"])[np.array(order, int)]}
