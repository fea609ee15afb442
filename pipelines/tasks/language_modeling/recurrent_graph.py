"""A recurrent language model over whole documents, evaluated and served alike.

Documents are read in windows, with the state carried from one to the next, as logits of all tokens
at once would take V floats a token: gigabytes for a book.
"""

import keras
import tensorflow as tf

WINDOW = 256
CONTEXT = 512  # of a longer prompt the last tokens are read
LAYER = "language_model"  # of the Keras model: a RecurrentLanguageModel


class RecurrentGraph(tf.Module):
    """A `ServedDecoder` over a Keras model; its state is that of all layers, side by side."""

    context = CONTEXT

    def __init__(self, model: keras.Model):
        super().__init__()
        self.layer = model.get_layer(LAYER)
        self.sizes = [state.shape[1] for state in self.layer.zero_states(1)]
        self.state_specs = (tf.TensorSpec((None, sum(self.sizes)), tf.float32, name="state"),)

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) float64 sums of -log p over the tokens of (B, None) documents."""
        return tf.reduce_sum(self.token_nats(ids), axis=1)

    def token_nats(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """(B, None) float64, -log p of each token of (B, None) documents."""
        length = tf.reduce_max(tf.concat([tf.cast(ids.row_lengths(), tf.int32), [0]], axis=0))
        windows = (length + WINDOW - 1) // WINDOW
        targets = ids.to_tensor(0, shape=(None, None))
        targets = tf.pad(targets, [[0, 0], [0, windows * WINDOW - length]])
        inputs = tf.pad(targets, [[0, 0], [1, 0]])[:, :-1]  # 0 begins each document
        results = tf.TensorArray(tf.float32, windows, element_shape=(None, WINDOW))

        def body(number, results, states):
            window = slice(number * WINDOW, (number + 1) * WINDOW)
            target = tf.ensure_shape(targets[:, window], (None, WINDOW))
            logits, states = self.layer.continued(inputs[:, window], states)
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
            return number + 1, results.write(number, nats), states

        states = self.layer.zero_states(tf.cast(ids.nrows(), tf.int32))
        _, results, _ = tf.while_loop(
            lambda number, *_: number < windows, body, (tf.constant(0), results, states),
            parallel_iterations=1,
        )  # fmt: skip
        windowed = tf.transpose(results.stack(), (1, 0, 2))  # (B, windows, WINDOW)
        nats = tf.reshape(windowed, (tf.shape(targets)[0], -1))
        return tf.RaggedTensor.from_tensor(tf.cast(nats, tf.float64), ids.row_lengths())

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
