"""The mixture of a network and counts, served; models/ensembles/language_models.py in the graph."""

import tensorflow as tf

COUNTS = "counts_"  # before the names of the counts' state
State = dict[str, tf.Tensor]


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
        self.context = min(network.context, counts.context)
        counted = (tf.TensorSpec(s.shape, s.dtype, COUNTS + s.name) for s in counts.state_specs)
        self.state_specs = (*network.state_specs, *counted)

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) float64 sums of -log p over the tokens of (B, None) documents."""
        network, counts = (
            tf.exp(-decoder.token_nats(ids).values) for decoder in (self.network, self.counts)
        )
        mixed = ids.with_values(-tf.math.log(self._mix(network, counts)))
        return tf.reduce_sum(mixed, axis=1)

    def start(self, ids: tf.RaggedTensor) -> tuple[State, tf.Tensor]:
        """(states before the last token, that token) of prompts."""
        state, token = self.network.start(ids)
        return _joined(state, self.counts.start(ids)[0]), token

    def step(self, ids: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """(B,) ids -> (B, V) log-probabilities of the next token, and the states."""
        counted = {s.name: state[COUNTS + s.name] for s in self.counts.state_specs}
        logits, network = self.network.step(
            ids, {s.name: state[s.name] for s in self.network.state_specs}
        )
        logs, counts = self.counts.step(ids, counted)
        mixed = tf.math.log(self._mix(tf.nn.softmax(logits), tf.exp(logs)))
        return mixed, _joined(network, counts)

    def _mix(self, network: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        return self.weight * network + (1 - self.weight) * counts


def _joined(network: State, counts: State) -> State:
    return {**network, **{COUNTS + name: tensor for name, tensor in counts.items()}}
