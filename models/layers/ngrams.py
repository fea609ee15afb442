"""A linear model of n-grams that begins as naive Bayes.

References: Joulin, Grave, Bojanowski and Mikolov, "Bag of Tricks for Efficient Text
Classification", EACL 2017 (n-grams in numbered buckets); Wang and Manning, "Baselines and Bigrams:
Simple, Good Sentiment and Topic Classification", ACL 2012 (log-count ratios in a linear machine).
"""

import keras
import numpy as np
from keras import ops

ROWS = 512  # looked at together when a whole data set is counted
# Odd multipliers that spread numbers over all of 32 bits; overflow is meant, and wraps.
SPREAD, MIX = -1640531535, -2048144789


def in_buckets(ids, longest: int, buckets: int):
    """(B, T) ids -> (B, T * longest) buckets, ascending, of the 1 to `longest` token n-grams.

    Each bucket stands once a row, 0 fills the rest: an n-gram is there or it is not. What reaches
    into padding is none. Two n-grams may share a bucket, the rarer the more buckets there are. All
    is arithmetic on int32, which wraps alike on every Keras backend.
    """
    ids = ops.cast(ids, "int32")
    found, code = [], ops.zeros_like(ids)
    for size in range(longest):
        last = ops.pad(ids, [[0, 0], [0, size]])[:, size:] if size else ids
        code = (code + last + size) * SPREAD
        mixed = ops.bitwise_xor(code, ops.right_shift(code, 15)) * MIX
        mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, 13))
        bucket = ops.mod(mixed, buckets - 1) + 1
        found.append(ops.where(ops.equal(last, 0), ops.zeros_like(bucket), bucket))
    ordered = ops.sort(ops.concatenate(found, axis=1), axis=1)
    before = ops.pad(ordered, [[0, 0], [1, 0]])[:, :-1]  # a repetition is equal to the one before
    return ops.where(ops.equal(ordered, before), ops.zeros_like(ordered), ordered)


@keras.saving.register_keras_serializable("models")
class NaiveBayesNgrams(keras.layers.Layer):
    """(B, T) ids -> (B, outputs): the sum of a weight for each n-gram of the text and output.

    A weight is a learned number times a ratio. Ratios stand in `buckets` places, many: of two
    n-grams in one place an unseen one would be taken for a seen one. Learned numbers, which cost
    memory and time at each step, share `learned_buckets`. `count` sets the ratios to naive Bayes's,
    log of an n-gram's share among the n-grams of a class to its share among the rest's, and the
    learned numbers to `strength`: so the layer begins as naive Bayes, `strength` times as sure, and
    an n-gram learns as fast as it tells classes apart. Uncounted, ratios are 1. In training each
    n-gram is left out with probability `dropout`, the others count for more. No bias.
    """

    def __init__(self, outputs, *, longest, buckets, learned_buckets, strength, dropout, **kwargs):
        super().__init__(**kwargs)
        if min(outputs, longest, learned_buckets) < 1 or buckets < 2:
            raise ValueError(
                "outputs, longest and learned_buckets begin at 1 and buckets at 2, found "
                f"{outputs}, {longest}, {learned_buckets} and {buckets}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), found {dropout}")
        self.outputs, self.longest = outputs, longest
        self.buckets, self.learned_buckets = buckets, learned_buckets
        self.strength, self.dropout = strength, dropout
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, ids_shape):
        self.ratio = self.add_weight(
            name="ratio", shape=(self.buckets, self.outputs), initializer="ones", trainable=False
        )
        self.learned = self.add_weight(
            name="learned", shape=(self.learned_buckets, self.outputs),
            initializer=keras.initializers.RandomUniform(-0.1, 0.1),
        )  # fmt: skip

    def call(self, ids, training=False):
        found = in_buckets(ids, self.longest, self.buckets)
        real = ops.cast(ops.not_equal(found, 0), self.compute_dtype)
        if training and self.dropout:
            real = keras.random.dropout(real, self.dropout, seed=self.seed_generator)
        learned = ops.take(self.learned, ops.mod(found, self.learned_buckets), axis=0)
        weights = learned * ops.take(self.ratio, found, axis=0)
        return ops.sum(weights * ops.expand_dims(real, -1), axis=1)

    def count(self, ids: np.ndarray, targets: np.ndarray) -> None:
        """Sets the weights from (rows, T) ids and their (rows,) classes, of train alone."""
        counts = np.zeros((self.outputs, self.buckets))
        for start in range(0, len(ids), ROWS):
            found = np.asarray(in_buckets(ids[start : start + ROWS], self.longest, self.buckets))
            for label in range(self.outputs):
                own = found[targets[start : start + ROWS] == label]
                counts[label] += np.bincount(own.ravel(), minlength=self.buckets)
        self.ratio.assign(log_count_ratios(counts).T)
        self.learned.assign(np.full(self.learned.shape, self.strength))

    def compute_output_shape(self, ids_shape):
        return (ids_shape[0], self.outputs)

    def get_config(self):
        own = ("outputs", "longest", "buckets", "learned_buckets", "strength", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def log_count_ratios(counts: np.ndarray) -> np.ndarray:
    """(classes, buckets) counts -> log of a bucket's share in a class to its share in the rest.

    One is added to each count that is not 0 in all classes; other buckets, and bucket 0, get 0.
    """
    there = (counts.sum(axis=0) > 0) & (np.arange(counts.shape[1]) > 0)
    inside = np.where(there, counts + 1, 0)
    outside = np.where(there, counts.sum(axis=0) - counts + 1, 0)
    shares = [part / np.maximum(part.sum(axis=1, keepdims=True), 1) for part in (inside, outside)]
    return np.log(np.where(there, shares[0], 1)) - np.log(np.where(there, shares[1], 1))
