"""A recurrent language model, served: its state is that of its layers."""

import keras
import tensorflow as tf

from pipelines.tasks.language_modeling.windowed_nats import ScoredNetwork

CONTEXT = 512  # of a longer prompt the last tokens are read


class RecurrentGraph(ScoredNetwork):
    """A `ServedDecoder` over a Keras model; its state is that of all layers, side by side."""

    context = CONTEXT

    def __init__(self, model: keras.Model):
        super().__init__(model)
        self.sizes = [state.shape[1] for state in self.layer.zero_states(1)]
        self.state_specs = (tf.TensorSpec((None, sum(self.sizes)), tf.float32, name="state"),)

    def start(self, ids: tf.RaggedTensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """(state before the last token, that token) of prompts; 0 comes before each."""
        begun = tf.concat([tf.zeros((ids.nrows(), 1), tf.int32), ids], axis=1)
        lengths = tf.cast(begun.row_lengths(), tf.int32)
        tokens = begun.to_tensor(0)

        def body(index, states):
            _, new = self.layer.step(tokens[:, index], index, states)
            is_read = (index < lengths - 1)[:, None]
            return index + 1, [tf.where(is_read, b, a) for a, b in zip(states, new, strict=True)]

        states = self.layer.zero_states(tf.shape(tokens)[0])
        _, states = tf.while_loop(
            lambda index, _: index < tf.shape(tokens)[1] - 1, body, (tf.constant(0), states),
            parallel_iterations=1,
        )  # fmt: skip
        last = tf.gather(tokens, lengths - 1, batch_dims=1)
        return {"state": tf.concat(states, axis=1)}, last

    def step(self, ids: tf.Tensor, state: dict[str, tf.Tensor]):
        """(B,) ids -> (B, V) logits of the next, and the state."""
        states = tf.split(state["state"], self.sizes, axis=1)
        logits, states = self.layer.step(ids, None, states)
        return logits, {"state": tf.concat(states, axis=1)}
