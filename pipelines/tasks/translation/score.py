"""Predictions and metrics of a translator."""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.inference.beam_search import Search, translate
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import Outputs, score

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """The model's translations of a split. assets: the folder with the sub-word vocabulary."""
    source = np.asarray(columns["source"])
    ids, scores = translate(model, source, Search.of(decision, source.shape[1]))
    subwords = Subwords.load(assets)
    return Outputs(subwords.decode(ids), scores, ids, subwords)
