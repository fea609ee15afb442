"""A Transformer language model, served: keys and values of the tokens in its window are cached.

The state of B rows, with C the context:

    state   (B, C, L, 2, N, H) float32, keys and values of L blocks with N heads
    recent  (B, C) int32, the tokens in the window
    read    (B,) int32, how many these are

When a row's window is full, the later half of its tokens is read again as the beginning of a new
one: positions are absolute. So a text can be continued without end, and every token sees at least
C / 2 before it, as where documents are scored.
"""

import keras
import tensorflow as tf

from pipelines.tasks.language_modeling.windowed_nats import ScoredNetwork

State = dict[str, tf.Tensor]


class TransformerGraph(ScoredNetwork):
    """A `ServedDecoder` over a Keras model."""

    def __init__(self, model: keras.Model):
        super().__init__(model)
        self.context = self.layer.context
        self.state_specs = (
            tf.TensorSpec((None, *self.layer.cache_shape), tf.float32, "state"),
            tf.TensorSpec((None, self.context), tf.int32, "recent"),
            tf.TensorSpec((None,), tf.int32, "read"),
        )

    def start(self, ids: tf.RaggedTensor) -> tuple[State, tf.Tensor]:
        """(state before the last token, that token) of prompts; 0 comes before each.

        Of a prompt longer than the context the last tokens are read.
        """
        begun = tf.concat([tf.zeros((ids.nrows(), 1), tf.int32), ids], axis=1)[:, -self.context :]
        read = tf.cast(begun.row_lengths(), tf.int32) - 1
        tokens = begun.to_tensor(0, shape=(None, None))
        return self._window(tokens, read), tf.gather(tokens, read, batch_dims=1)

    def step(self, ids: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """(B,) ids -> (B, V) logits of the next, and the state."""
        is_full = state["read"] >= self.context
        state = tf.cond(tf.reduce_any(is_full), lambda: self._slid(state, is_full), lambda: state)
        cache, recent, read = state["state"], state["recent"], state["read"]
        logits, entries = self.layer.step(ids, read, cache)
        at = tf.stack([tf.range(tf.shape(ids)[0]), read], axis=1)  # (B, 2)
        return logits, {
            "state": tf.tensor_scatter_nd_update(cache, at, entries),
            "recent": tf.tensor_scatter_nd_update(recent, at, ids),
            "read": read + 1,
        }

    def _slid(self, state: State, is_full: tf.Tensor) -> State:
        """With windows of the later half of the tokens for the rows that are full."""
        rows = tf.cast(tf.where(is_full), tf.int32)  # (R, 1)
        later = tf.gather(state["recent"], rows[:, 0])[:, self.context // 2 :]
        window = self._window(later, tf.fill((tf.shape(rows)[0],), self.context // 2))
        return {
            name: tf.tensor_scatter_nd_update(state[name], rows, window[name]) for name in state
        }

    def _window(self, tokens: tf.Tensor, read: tf.Tensor) -> State:
        """The state after the first `read` (B,) of (B, T) tokens, T at most the context."""
        missing = self.context - tf.shape(tokens)[1]
        is_read = tf.sequence_mask(read, tf.shape(tokens)[1])  # (B, T)
        cache = tf.where(is_read[..., None, None, None, None], self.layer.read(tokens), 0)
        cache = tf.pad(cache, [[0, 0], [0, missing], *[[0, 0]] * 4])
        recent = tf.pad(tf.where(is_read, tokens, 0), [[0, 0], [0, missing]])
        state = {"state": cache, "recent": recent, "read": read}
        return {
            spec.name: tf.ensure_shape(state[spec.name], spec.shape) for spec in self.state_specs
        }
