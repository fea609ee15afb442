"""What a language model gives to the documents of a split, and what it draws by itself."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from models.layers.language_model_scores import token_nats
from pipelines.inference import sampling
from pipelines.inference.sampling import SamplingSettings
from pipelines.preprocessing.tokenization import SPECIAL_IDS
from pipelines.spec import DataSpec
from pipelines.tasks.language_modeling import decoders, samples
from pipelines.tasks.language_modeling.metrics import Outputs, score, weights

__all__ = ["Outputs", "generate", "predict", "score", "weights"]


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """Every token once, after all those before it in its document."""
    by_token = token_nats(model, columns[spec.target.name])
    nats, tokens = (np.array([f(values) for values in by_token]) for f in (np.sum, len))
    return Outputs(nats, tokens, by_token=by_token)


def generate(model, train: dict, spec: DataSpec) -> dict:
    """Texts that the model draws, and what of them is new; arguments of `Outputs`.

    Args:
        model: a network or an estimator.
    """
    if hasattr(model, "sample"):
        return samples.of_counts(model, train, spec)
    is_network = hasattr(model, "get_layer")
    decoder = decoders.of_network(model) if is_network else decoders.of_estimator(model)
    rows, end = len(samples.TEMPERATURES), spec.task_metadata["end"]
    settings = SamplingSettings.same(rows, tf.range(rows, dtype=tf.int64))
    settings = settings._replace(temperature=tf.constant(samples.TEMPERATURES, tf.float32))

    def step(ids, index, state):
        logits, state = decoder.step(ids, state)
        is_written = tf.range(spec.outputs) >= SPECIAL_IDS
        return tf.where(is_written, logits, tf.constant(-np.inf, logits.dtype)), state

    @tf.function
    def draw():
        begin = tf.RaggedTensor.from_row_lengths(tf.zeros((0,), tf.int32), [0] * rows)
        state, last = decoder.start(begin)
        length = tf.fill((rows,), samples.TOKENS)
        return sampling.extend(step, state, last, settings, length, end, samples.TOKENS)

    drawn = draw()
    lengths = drawn.lengths.numpy().tolist()
    texts = [ids[:n] for ids, n in zip(drawn.ids.numpy(), lengths, strict=True)]
    return samples.scored(texts, train, spec)
