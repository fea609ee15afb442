"""Predictions and metrics of a translator."""

from pathlib import Path

import numpy as np

from pipelines.evaluation.bootstrap import weights
from pipelines.inference.beam_search import BeamSearchConfig, search_in_batches
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.translation.metrics import Outputs, score

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """The model's translations of a split. assets: the folder with the sub-word vocabulary."""
    source = np.asarray(columns["source"])
    config = BeamSearchConfig.from_rule(decision, source.shape[1])
    ids, scores = search_in_batches(model.get_layer("translator"), source, config)
    subwords = Subwords.load(assets)
    return Outputs(subwords.decode(ids), scores, ids, subwords)
