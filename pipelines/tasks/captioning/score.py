"""Predictions and metrics of a captioner."""

from pathlib import Path

import numpy as np

from pipelines.classical.caption_ngrams import normalized
from pipelines.evaluation.bootstrap import weights
from pipelines.inference.beam_search import BeamSearchConfig, search_in_batches
from pipelines.preparation.image_captions import IMAGE, TRAIN_CAPTIONS
from pipelines.preprocessing.sentencepiece import Subwords
from pipelines.spec import DataSpec
from pipelines.tasks.captioning.decoder import ImageDecoder
from pipelines.tasks.captioning.metrics import Outputs, score

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """The model's captions of a split. assets: the folder with the vocabulary."""
    config = BeamSearchConfig.from_rule(decision, spec.target.shape[0])
    ids, scores = search_in_batches(ImageDecoder(model), np.asarray(columns[IMAGE]), config)
    subwords = Subwords.load(assets)
    captions = subwords.decode(ids)
    lines = (assets / TRAIN_CAPTIONS).read_text("utf-8").splitlines()
    known = set(map(normalized, lines))
    copied = np.array([normalized(caption) in known for caption in captions])
    return Outputs(captions, scores, copied, ids, subwords)
