"""NB-SVM as a layer: a linear machine on the n-grams of a text.

References: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012 (log-count ratios in a linear machine); Joulin, Grave, Bojanowski and
Mikolov, "Bag of Tricks for Efficient Text Classification", EACL 2017 (n-grams in numbered buckets).
"""

import keras
import numpy as np
from keras import ops

ROWS = 512  # looked at together when a whole data set is
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
class NgramSVM(keras.layers.Layer):
    """(B, T) ids -> (B, outputs) logits: a sum of a weight for each n-gram that is there.

    The weights, in `buckets` places, are those of NB-SVM. They are solved for before training
    (tasks/text_classification/objective.py) and stay as they are: gradient descent that stops
    early does not come as far. Two outputs share a machine, more have one each against the rest.
    `penalty` is the machine's C. Until it is solved for, all logits are 0.
    """

    def __init__(self, outputs, *, longest, buckets, penalty, **kwargs):
        super().__init__(**kwargs)
        if min(outputs, longest) < 1 or buckets < 2:
            raise ValueError(
                "outputs and longest begin at 1 and buckets at 2, found "
                f"{outputs}, {longest} and {buckets}"
            )
        if penalty <= 0:
            raise ValueError(f"penalty must be above 0, found {penalty}")
        self.outputs, self.longest = outputs, longest
        self.buckets, self.penalty = buckets, penalty

    def build(self, ids_shape):
        machines = 1 if self.outputs == 2 else self.outputs
        self.weight = self.add_weight(
            name="weight", shape=(self.buckets, machines), initializer="zeros", trainable=False
        )
        self.bias = self.add_weight(
            name="bias", shape=(machines,), initializer="zeros", trainable=False
        )

    def call(self, ids):
        found = in_buckets(ids, self.longest, self.buckets)
        real = ops.cast(ops.not_equal(found, 0), self.compute_dtype)
        weights = ops.take(self.weight, found, axis=0) * ops.expand_dims(real, -1)
        odds = ops.sum(weights, axis=1) + self.bias
        return ops.concatenate([-odds / 2, odds / 2], axis=1) if self.outputs == 2 else odds

    def present(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, bucket) of every n-gram that is there, from (rows, T) ids."""
        rows, buckets = [], []
        for start in range(0, len(ids), ROWS):
            part = np.asarray(in_buckets(ids[start : start + ROWS], self.longest, self.buckets))
            rows.append(start + np.nonzero(part)[0])
            buckets.append(part[part != 0])
        return np.concatenate(rows), np.concatenate(buckets)

    def compute_output_shape(self, ids_shape):
        return (ids_shape[0], self.outputs)

    def get_config(self):
        own = ("outputs", "longest", "buckets", "penalty")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
