"""Served word vectors; their signatures are described in word_graph.py."""

from pathlib import Path

import keras
import numpy as np

from models.word_embeddings import LAYER
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.tasks.word_embedding.metrics import Outputs, score, weights
from pipelines.tasks.word_embedding.serve_classical import estimator_endpoints
from pipelines.tasks.word_embedding.word_graph import endpoints_of

__all__ = [
    "KINDS", "SCORED", "endpoints", "estimator_endpoints", "examples", "outputs", "score", "weights"
]  # fmt: skip

SCORED = "score"  # the signature whose answers are compared with evaluate's
NO_WORD = "qqqq"  # an example of a word that no vocabulary has
KINDS = {
    **dict.fromkeys(("word", "a", "b", "c", "text"), "text"),
    "k": "number", "words": "ranking", "similarity": "score",
}  # fmt: skip


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    vectors = keras.ops.convert_to_numpy(model.get_layer(LAYER).vectors)
    return endpoints_of(vectors, assets)


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What `score` answered, in the form that `metrics.score` takes."""
    return Outputs(answer["similarity"], answer["add"], answer["mul"])


def examples(test: dict, spec: DataSpec, rows: int) -> dict[str, list[str]]:
    """Words for the golden examples: those of the first questions, and one that is unknown."""
    texts = test[spec.request_inputs[0]][:rows]
    words = dict.fromkeys(word for text in texts for word in text.split())
    return {"word": [*list(words)[: rows - 1], NO_WORD]}
