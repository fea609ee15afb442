"""What a network's word vectors answer to the questions of the benchmarks."""

from dataclasses import replace
from pathlib import Path

import keras

from models.word_embeddings import LAYER
from pipelines.classical import word_vectors
from pipelines.spec import DataSpec
from pipelines.tasks.word_embedding.metrics import Outputs, score, weights

__all__ = ["Outputs", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """By the vectors alone; the model's other matrix is of training."""
    vectors = keras.ops.convert_to_numpy(model.get_layer(LAYER).vectors)
    (name,) = spec.inputs
    return replace(Outputs(**word_vectors.answers(vectors, columns[name])), vectors=vectors)
