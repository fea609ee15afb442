"""Predictions and metrics of a tagger."""

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.spec import DataSpec
from tests.tasks.toy.tasks.tagging import baselines as reference
from tests.tasks.toy.tasks.tagging.figures import draw
from tests.tasks.toy.tasks.tagging.metrics import Outputs, score

__all__ = ["Outputs", "baselines", "draw", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets=None) -> Outputs:
    inputs = {name: np.asarray(columns[name]) for name in spec.inputs}
    return Outputs(model.predict(inputs, verbose=0).argmax(axis=-1).astype(np.int32))


def baselines(train: dict, val: dict, test: dict, spec: DataSpec, seed: int) -> dict:
    return dict(reference.fit_predict(train, val, test, spec, seed))
