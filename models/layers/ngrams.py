"""NB-SVM as a layer: a linear classifier on hashed n-grams.

References: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012, https://aclanthology.org/P12-2018 (an SVM on log-count ratios); Joulin et
al., "Bag of Tricks for Efficient Text Classification", EACL 2017, https://arxiv.org/abs/1607.01759
(the hashing trick for n-grams).
"""

import keras
import numpy as np
from keras import ops

from pipelines.config.errors import UserError

ROWS = 512  # batch size when the n-grams of a whole data set are computed
# Odd multipliers of a 32-bit multiplicative hash; integer overflow is intended and wraps around.
MULTIPLIER, MIX = -1640531535, -2048144789


def hash_ngrams(ids, max_ngram: int, buckets: int):
    """(B, T) ids -> (B, T * max_ngram) hash buckets of the n-grams, ascending and distinct.

    An n-gram is present or absent, so its bucket is listed once a row; the rest is 0. n-grams that
    reach into padding are left out. Different n-grams may share a bucket, the less often the more
    buckets there are. All is int32 arithmetic, which wraps around in the same way on every Keras
    backend.

    Args:
        ids: token ids, 0 for padding.
        max_ngram: tokens of the longest n-grams; all from 1 token on are hashed.
        buckets: number of buckets. Bucket 0 is reserved for padding.
    """
    ids = ops.cast(ids, "int32")
    hashed, code = [], ops.zeros_like(ids)
    for size in range(max_ngram):
        last = ops.pad(ids, [[0, 0], [0, size]])[:, size:] if size else ids  # the n-gram's last id
        code = (code + last + size) * MULTIPLIER
        mixed = ops.bitwise_xor(code, ops.right_shift(code, 15)) * MIX
        mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, 13))
        bucket = ops.mod(mixed, buckets - 1) + 1
        hashed.append(ops.where(ops.equal(last, 0), ops.zeros_like(bucket), bucket))
    ordered = ops.sort(ops.concatenate(hashed, axis=1), axis=1)
    previous = ops.pad(ordered, [[0, 0], [1, 0]])[:, :-1]
    return ops.where(ops.equal(ordered, previous), ops.zeros_like(ordered), ordered)


@keras.saving.register_keras_serializable("models")
class NgramSVM(keras.layers.Layer):
    """(B, T) ids -> (B, outputs) logits: the sum of the weights of the n-grams that are present.

    The weights are those of NB-SVM. They are not trained by gradient descent: the objective's hook
    (pipelines/tasks/text_classification/objective.py) fits them before training. Until then all
    logits are 0. Two outputs need one binary classifier, more need one each against the rest.

    Args:
        outputs: number of classes.
        max_ngram: tokens of the longest n-grams.
        buckets: number of hash buckets, at least 2.
        penalty: the SVM's C, the weight of the training errors; above 0.
    """

    def __init__(self, outputs, *, max_ngram, buckets, penalty, **kwargs):
        super().__init__(**kwargs)
        for name, value, lowest in (
            ("outputs", outputs, 1), ("max_ngram", max_ngram, 1), ("buckets", buckets, 2),
        ):  # fmt: skip
            if value < lowest:
                raise UserError(
                    "value-too-small", f"must be at least {lowest}, found {value}",
                    key=f"build.{name}", value=value,
                )  # fmt: skip
        if penalty <= 0:
            raise UserError(
                "value-not-positive", f"must be above 0, found {penalty}",
                key="build.penalty", value=penalty,
            )  # fmt: skip
        self.outputs, self.max_ngram = outputs, max_ngram
        self.buckets, self.penalty = buckets, penalty

    def build(self, ids_shape):
        classifiers = 1 if self.outputs == 2 else self.outputs
        self.weight = self.add_weight(
            name="weight", shape=(self.buckets, classifiers), initializer="zeros", trainable=False
        )
        self.bias = self.add_weight(
            name="bias", shape=(classifiers,), initializer="zeros", trainable=False
        )

    def call(self, ids):
        buckets = hash_ngrams(ids, self.max_ngram, self.buckets)  # (B, T * max_ngram)
        present = ops.cast(ops.not_equal(buckets, 0), self.compute_dtype)
        weights = ops.take(self.weight, buckets, axis=0) * ops.expand_dims(present, -1)
        log_odds = ops.sum(weights, axis=1) + self.bias  # (B, 1) or (B, outputs)
        if self.outputs == 2:
            return ops.concatenate([-log_odds / 2, log_odds / 2], axis=1)
        return log_odds

    def present_ngrams(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and bucket of every n-gram that is present in (rows, T) ids, as two arrays."""
        rows, buckets = [], []
        for start in range(0, len(ids), ROWS):
            batch = np.asarray(hash_ngrams(ids[start : start + ROWS], self.max_ngram, self.buckets))
            rows.append(start + np.nonzero(batch)[0])
            buckets.append(batch[batch != 0])
        return np.concatenate(rows), np.concatenate(buckets)

    def compute_output_shape(self, ids_shape):
        return (ids_shape[0], self.outputs)

    def get_config(self):
        names = ("outputs", "max_ngram", "buckets", "penalty")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
