"""word2vec as layers: windows of text in, what every token of them costs out.

Shapes: B windows of T tokens, V ids, D embedding_dim, N noise words of a window. Id 0 separates
documents and pads.

A word's vector is its row of the matrix (V, D). Books draw this as a one-hot row times the matrix;
the product is that row, so it is looked up and never multiplied.

Every layer has two matrices: `vectors`, which is kept in the end, of the words that are read, and
`outputs`, of what is predicted from them.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from models.layers import huffman

NOISE_WORDS = 64  # drawn for a window, and shared by its tokens
NOISE_POWER = 0.75  # of the frequencies that noise words are drawn by
VALIDATION_SEED = 1  # the same noise words at every validation
LOG_GOLDEN_RATIO = math.log((1 + math.sqrt(5)) / 2)


class WordVectors(layers.Layer):
    """What the layers share. In: (B, T) ids. Out: (B, T) nats, 0 where there is no pair.

    Args:
        vocabulary_size: V, with padding and the unknown.
        embedding_dim: D.
        window: words on one side that are its context.
        settings: more that `get_config` returns.
    """

    def __init__(self, vocabulary_size, embedding_dim, window, settings=None, **kwargs):
        super().__init__(**kwargs)
        self.size, self.dim, self.window = vocabulary_size, embedding_dim, window
        self.settings = {
            "vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "window": window,
            **(settings or {}),
        }  # fmt: skip

    def build(self, ids_shape):
        # The ranges of word2vec: small, so that all scores begin near 0.
        uniform = keras.initializers.RandomUniform(-0.5 / self.dim, 0.5 / self.dim)
        self.vectors = self.add_weight((self.size, self.dim), uniform, name="vectors")
        self.outputs = self.add_weight((self.size, self.dim), "zeros", name="outputs")

    def count_words(self, counts: np.ndarray) -> None:
        """Takes (V,) how often every id occurs in train, before training begins."""

    def pairs(self, ids):
        """(B, T, T) weights: of j as the context of i. Of no pair across documents.

        A context at distance d counts (window + 1 - d) / window. The paper draws the size of each
        window from 1 to `window`, which takes a pair into account with this probability.
        """
        place = ops.arange(ops.shape(ids)[1])
        distance = ops.abs(place[:, None] - place)  # (T, T)
        weight = ops.cast(self.window + 1 - distance, "float32") / self.window
        weight = ops.where(distance > 0, ops.maximum(weight, 0.0), 0.0)
        document = ops.cumsum(ops.cast(ops.equal(ids, 0), "int32"), axis=1)  # (B, T)
        same = ops.equal(document[:, :, None], document[:, None])
        real = ops.not_equal(ids, 0)
        valid = ops.logical_and(same, ops.logical_and(real[:, :, None], real[:, None]))
        return weight * ops.cast(valid, "float32")

    def compute_output_shape(self, ids_shape):
        return ids_shape

    def get_config(self):
        return {**super().get_config(), **self.settings}


class NegativeSampling(WordVectors):
    """Logistic regression of real words against noise words (Mikolov et al. 2013, section 2.2).

    -log p = softplus(-v·u) + sum over k noise words n of softplus(v·u_n)

    Noise words are drawn by their frequency in train to the power .75.

    Differs from the paper: N noise words are drawn for a window, not k for each pair, and a pair
    counts each of them k / N times. The expected loss is the same, and scores are products of
    matrices. As in the paper's formula, and not in its program, a noise word may by chance be the
    real one. (Ji et al. 2016, https://arxiv.org/abs/1604.04661, share noise words in the same way.)

    Args:
        negatives: k.
    """

    def __init__(self, vocabulary_size, embedding_dim, window, negatives, **kwargs):
        settings = {"negatives": negatives}
        super().__init__(vocabulary_size, embedding_dim, window, settings, **kwargs)
        self.negatives = negatives
        self.seeds = keras.random.SeedGenerator()

    def build(self, ids_shape):
        super().build(ids_shape)
        # Cumulative distribution of the noise; before words are counted, all are equal.
        self.noise = self.add_weight(
            (self.size,), keras.initializers.Constant(0.0), trainable=False, name="noise"
        )
        self.noise.assign(np.arange(1, self.size + 1, dtype="float32") / self.size)

    def count_words(self, counts):
        powers = counts.astype(np.float64) ** NOISE_POWER
        powers[:2] = 0  # neither padding nor the unknown
        self.noise.assign(np.cumsum(powers) / powers.sum())

    def noise_nats(self, hidden, training):
        """(B, T, D) -> (B, T): what k noise words cost at each position."""
        seed = self.seeds if training else VALIDATION_SEED
        drawn = keras.random.uniform((ops.shape(hidden)[0], NOISE_WORDS), seed=seed)
        ids = ops.minimum(
            ops.searchsorted(self.noise.value, ops.reshape(drawn, (-1,))), self.size - 1
        )
        vectors = ops.take(self.outputs, ops.reshape(ids, (-1, NOISE_WORDS)), axis=0)  # (B, N, D)
        scores = ops.matmul(hidden, ops.transpose(vectors, (0, 2, 1)))  # (B, T, N)
        return ops.mean(ops.softplus(scores), axis=2) * self.negatives


@keras.saving.register_keras_serializable("models")
class SkipGram(NegativeSampling):
    """Every word predicts the words around it, each by itself."""

    def call(self, ids, training=False):
        weight = self.pairs(ids)  # (B, T, T)
        hidden = ops.take(self.vectors, ids, axis=0)  # (B, T, D)
        contexts = ops.take(self.outputs, ids, axis=0)  # (B, T, D)
        scores = ops.matmul(hidden, ops.transpose(contexts, (0, 2, 1)))  # (B, T, T)
        real = ops.sum(ops.softplus(-scores) * weight, axis=2)
        return real + self.noise_nats(hidden, training) * ops.sum(weight, axis=2)


@keras.saving.register_keras_serializable("models")
class ContinuousBagOfWords(NegativeSampling):
    """The mean of the words around a word predicts it."""

    def call(self, ids, training=False):
        hidden, has_context = mean_of_context(self.pairs(ids), ops.take(self.vectors, ids, axis=0))
        scores = ops.sum(hidden * ops.take(self.outputs, ids, axis=0), axis=2)  # (B, T)
        return (ops.softplus(-scores) + self.noise_nats(hidden, training)) * has_context


@keras.saving.register_keras_serializable("models")
class HierarchicalSoftmax(WordVectors):
    """The mean of the words around a word predicts the word's path in a Huffman tree.

    p(word) is the product of the probabilities of its turns, sigmoid(±h·node), so they sum to 1
    over all words, and a word costs as many products as its code is long, not V (Morin and Bengio
    2005, http://proceedings.mlr.press/r5/morin05a.html). `outputs` are vectors of inner nodes.

    Args:
        train_tokens: how many there are; it limits how long a code can be.
    """

    def __init__(self, vocabulary_size, embedding_dim, window, train_tokens, **kwargs):
        settings = {"train_tokens": train_tokens}
        super().__init__(vocabulary_size, embedding_dim, window, settings, **kwargs)
        # A code of length l needs frequencies that grow as Fibonacci's numbers.
        self.longest = math.ceil(math.log(train_tokens + vocabulary_size) / LOG_GOLDEN_RATIO)

    def build(self, ids_shape):
        super().build(ids_shape)
        shape = (self.size, self.longest)
        self.nodes = self.add_weight(shape, "zeros", dtype="int32", trainable=False, name="nodes")
        # +1 and -1 for the two turns, 0 after the end of a code.
        self.turns = self.add_weight(shape, "zeros", trainable=False, name="turns")
        self.count_words(np.ones(self.size, np.int64))

    def count_words(self, counts):
        # Plus one: every id needs a code, also one that sub-sampling or val alone can bring.
        nodes, turns = huffman.paths(counts + 1, self.longest)
        self.nodes.assign(nodes)
        self.turns.assign(turns)

    def call(self, ids, training=False):
        hidden, has_context = mean_of_context(self.pairs(ids), ops.take(self.vectors, ids, axis=0))
        turns = ops.take(self.turns, ids, axis=0)  # (B, T, L)
        nodes = ops.take(self.outputs, ops.take(self.nodes, ids, axis=0), axis=0)  # (B, T, L, D)
        scores = ops.matmul(nodes, hidden[..., None])[..., 0]  # (B, T, L)
        nats = ops.sum(ops.softplus(-turns * scores) * ops.abs(turns), axis=2)
        return nats * has_context


@keras.saving.register_keras_serializable("models")
class OneWordContext(WordVectors):
    """The word before a word predicts it, by a softmax over all words."""

    def call(self, ids, training=False):
        before = ops.pad(ids, ((0, 0), (1, 0)))[:, :-1]
        hidden = ops.take(self.vectors, before, axis=0)  # (B, T, D)
        scores = ops.matmul(hidden, ops.transpose(self.outputs))  # (B, T, V)
        target = ops.take_along_axis(scores, ids[:, :, None], axis=2)[:, :, 0]
        has_context = ops.logical_and(ops.not_equal(before, 0), ops.not_equal(ids, 0))
        return (ops.logsumexp(scores, axis=2) - target) * ops.cast(has_context, "float32")


def mean_of_context(weight, vectors):
    """((B, T, D) weighted means, (B, T) 1 where there is a context) of (B, T, T) and (B, T, D)."""
    total = ops.sum(weight, axis=2)  # (B, T)
    mean = ops.matmul(weight, vectors) / ops.maximum(total, 1e-6)[:, :, None]
    return mean, ops.cast(total > 0, "float32")
