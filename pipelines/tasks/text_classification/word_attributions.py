"""How much each word of a text speaks for the predicted class: gradient times input.

A piece's vector in the embedding, times the gradient of the class's log-odds with respect to it:
to first order, what the log-odds would lose if the vector were zero. Those of a word's pieces are
added. Positive numbers speak for the predicted class, negative ones against it.

References: Shrikumar et al., "Not Just a Black Box", 2016, https://arxiv.org/abs/1605.01713;
Denil et al., "Extraction of Salient Sentences from Labelled Documents", 2014,
https://arxiv.org/abs/1412.6815.
"""

import keras
import tensorflow as tf

from models.layers.backbone import BACKBONE

ENCODER, EMBEDDING = "encoder", "token_embedding"  # layers: in the backbone, and in the encoder


def explainable(model: keras.Model) -> bool:
    """Whether the model has a pretrained encoder, whose embedding the numbers are of."""
    if BACKBONE not in (layer.name for layer in model.layers):
        return False
    return ENCODER in (layer.name for layer in getattr(model.get_layer(BACKBONE), "layers", ()))


def of_pieces(model: keras.Model, ids, predicted):
    """(B, T) what each piece adds to the log-odds of the predicted class.

    Args:
        model: with an encoder.
        ids: (B, T) pieces.
        predicted: (B,) class ids.
    """
    table = model.get_layer(BACKBONE).get_layer(ENCODER).get_layer(EMBEDDING).embeddings.value
    (name,) = model.input
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(table)
        logits = model({name: ids}, training=False)  # (B, C)
        is_predicted = tf.one_hot(predicted, logits.shape[-1], dtype=logits.dtype)
        of_predicted = tf.reduce_sum(logits * is_predicted, axis=1)
        of_rest = tf.reduce_logsumexp(logits - 1e9 * is_predicted, axis=1)
        log_odds = tf.reduce_sum(of_predicted - of_rest)
    # The gradient of a look-up is sparse: one row of values for each id that was looked up.
    gradient = tape.gradient(log_odds, table).values  # (B * T, D)
    vectors = tf.gather(table, tf.reshape(ids, [-1]))
    return tf.reshape(tf.reduce_sum(gradient * vectors, axis=1), tf.shape(ids))


def of_words(pieces, numbers, count):
    """(B, T) numbers of pieces -> (B, W) sums over the pieces of each word.

    Args:
        pieces: what each piece adds.
        numbers: (B, T), of each piece's word; -1 for pieces of none.
        count: W, of words.
    """
    return tf.reduce_sum(
        pieces[:, :, None] * tf.one_hot(numbers, count, dtype=pieces.dtype), axis=1
    )
