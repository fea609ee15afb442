"""Scores of documents by a network, in the graph: models/layers/language_model_scores.py there."""

import keras
import tensorflow as tf

from models.layers.language_model_scores import LAYER


def token_nats(layer, ids: tf.RaggedTensor) -> tf.RaggedTensor:
    """(B, None) float64, -log p of each token of (B, None) documents.

    Documents are read in windows, as logits of all tokens at once would take V floats a token:
    gigabytes for a book.

    Args:
        layer: of a language model, with `scored_steps`, `zero_states` and `continued`.
        ids: of whole documents.
    """
    steps = layer.scored_steps
    length = tf.cast(tf.reduce_max(tf.concat([ids.row_lengths(), [1]], axis=0)), tf.int32)
    windows = (length + steps - 1) // steps
    targets = ids.to_tensor(0, shape=(None, None))
    targets = tf.pad(targets, [[0, 0], [0, windows * steps - tf.shape(targets)[1]]])
    inputs = tf.pad(targets, [[0, 0], [1, 0]])[:, :-1]  # 0 begins each document
    results = tf.TensorArray(tf.float32, windows, element_shape=(None, steps))

    def read(number, results, states):
        window = slice(number * steps, (number + 1) * steps)
        tokens, target = (tf.ensure_shape(x[:, window], (None, steps)) for x in (inputs, targets))
        logits, states = layer.continued(tokens, states)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
        return number + 1, results.write(number, nats), states

    # The first window by itself: what is carried may have another form before it.
    begun = read(0, results, layer.zero_states(tf.cast(ids.nrows(), tf.int32)))
    _, results, _ = tf.while_loop(
        lambda number, *_: number < windows, read, begun, parallel_iterations=1
    )
    windowed = tf.transpose(results.stack(), (1, 0, 2))  # (B, windows, steps)
    nats = tf.reshape(windowed, tf.shape(targets))
    return tf.RaggedTensor.from_tensor(tf.cast(nats, tf.float64), ids.row_lengths())


class ScoredNetwork(tf.Module):
    """What the `ServedDecoder`s over Keras models have in common."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.layer = model.get_layer(LAYER)

    def nats(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """(B,) float64 sums of -log p over the tokens of (B, None) documents."""
        return tf.reduce_sum(self.token_nats(ids), axis=1)

    def token_nats(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """(B, None) float64, -log p of each token of (B, None) documents."""
        return token_nats(self.layer, ids)
