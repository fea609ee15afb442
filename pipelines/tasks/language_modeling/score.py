"""What a recurrent language model gives to the documents of a split."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling.metrics import Outputs, score, weights
from pipelines.tasks.language_modeling.recurrent_graph import RecurrentGraph

__all__ = ["Outputs", "predict", "score", "weights"]

DOCUMENTS = 16  # scored at once


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """Every token once, after all those before it in its document."""
    graph = RecurrentGraph(model)
    row = tf.RaggedTensorSpec((None, None), tf.int32, ragged_rank=1)
    nats = tf.function(graph.token_nats, input_signature=[row])
    documents = columns[spec.target.name]
    parts, lengths = [], np.array([len(tokens) for tokens in documents])
    for start in range(0, len(documents), DOCUMENTS):
        rows = slice(start, start + DOCUMENTS)
        flat = np.concatenate(documents[rows])
        ragged = nats(tf.RaggedTensor.from_row_lengths(flat, lengths[rows]))
        parts += np.split(ragged.values.numpy(), np.cumsum(lengths[rows])[:-1])
    return Outputs(np.array([part.sum() for part in parts]), lengths, by_token=parts)
