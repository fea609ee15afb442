"""The mixture of a network and counts, served; models/ensembles/language_models.py in the graph."""

from typing import Any

import tensorflow as tf


class MixtureGraph(tf.Module):
    """A `ServedDecoder` over two others.

    Args:
        network: a decoder; its logits need not be normalised.
        counts: a decoder whose logits are log-probabilities.
        weight: of the network.
    """

    def __init__(self, network, counts, weight: float):
        super().__init__()
        self.network, self.counts, self.weight = network, counts, weight

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) float64 sums of -log p over the tokens of (B, None) documents."""
        network, counts = (
            tf.exp(-decoder.token_nats(ids).values) for decoder in (self.network, self.counts)
        )
        mixed = ids.with_values(-tf.math.log(self._mix(network, counts)))
        return tf.reduce_sum(mixed, axis=1)

    def start(self, ids: tf.RaggedTensor) -> tuple[Any, tf.Tensor]:
        """(states before the last token, that token) of prompts."""
        state, token = self.network.start(ids)
        return {"network": state, "counts": self.counts.start(ids)[0]}, token

    def step(self, ids: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
        """(B,) ids -> (B, V) log-probabilities of the next token, and the states."""
        logits, network = self.network.step(ids, state["network"])
        logs, counts = self.counts.step(ids, state["counts"])
        probabilities = tf.nn.softmax(tf.cast(logits, tf.float64)), tf.exp(logs)
        mixed = tf.math.log(self._mix(*probabilities))
        return tf.cast(mixed, tf.float32), {"network": network, "counts": counts}

    def _mix(self, network: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        return self.weight * network + (1 - self.weight) * counts
