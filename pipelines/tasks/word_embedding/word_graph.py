"""Served word vectors. Signatures (b rows):

    serving_default  word -> vector, known
    neighbours       word, k -> words, similarity, known; by cosine
    analogy          a, b, c, k -> words, similarity, known; what is to c as b is to a, by 3CosAdd
    score            text -> similarity, add, mul, known; a question as the benchmarks have it, of
                     two words (how similar?) or four (is the fourth the answer, by 3CosAdd and by
                     3CosMul?)

A word that is not in the vocabulary has `known` false, and with it a vector of zeros, or no words.
Rows of a batch may differ in k; a row with a smaller one ends in empty strings.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.classical import word_vectors
from pipelines.preprocessing import documents
from pipelines.preprocessing.tokenization import SPECIAL_IDS, UNKNOWN, Tokenizer
from pipelines.tasks.text_classification.serve import GraphTokenizer

MOST_NEIGHBOURS = 100


def strings(name: str) -> tf.TensorSpec:
    return tf.TensorSpec((None,), tf.string, name=name)


COUNT = tf.TensorSpec((None,), tf.int32, name="k")


class WordGraph(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        vectors: (V, D), by id.
        assets: the folder with the vocabulary.
    """

    def __init__(self, vectors: np.ndarray, assets: Path):
        super().__init__()
        tokenizer = Tokenizer.load(assets / documents.VOCABULARY_FILE)
        self.tokenizer = GraphTokenizer(tokenizer)
        self.words = tf.constant([""] * SPECIAL_IDS + list(tokenizer.vocabulary))
        self.vectors = tf.Variable(vectors.astype(np.float32), trainable=False)
        # As in evaluation, in double precision: two words may be nearly as near to a third.
        self.unit = tf.Variable(word_vectors.unit_rows(vectors), trainable=False)

    @tf.function(input_signature=[strings("word")])
    def embed(self, word):
        ids, known = self.ids(word)
        vector = tf.gather(self.vectors, ids)
        return {"vector": tf.where(known[:, None], vector, 0.0), "known": known}

    @tf.function(input_signature=[strings("word"), COUNT])
    def neighbours(self, word, k):
        ids, known = self.ids(word)
        return self._nearest(tf.gather(self.unit, ids), ids[:, None], k, known)

    @tf.function(input_signature=[strings("a"), strings("b"), strings("c"), COUNT])
    def analogy(self, a, b, c, k):
        (a, known_a), (b, known_b), (c, known_c) = (self.ids(word) for word in (a, b, c))
        direction = tf.gather(self.unit, b) - tf.gather(self.unit, a) + tf.gather(self.unit, c)
        direction = tf.math.l2_normalize(direction, axis=1)
        question = tf.stack([a, b, c], axis=1)
        return self._nearest(direction, question, k, known_a & known_b & known_c)

    @tf.function(input_signature=[strings("text")])
    def score(self, text):
        tokens = self.tokenizer.ragged(text)
        length, ids = tokens.row_lengths(), tokens.to_tensor(UNKNOWN, shape=(None, 4))
        asked = tf.sequence_mask(tf.minimum(length, 4), 4)
        known = ((length == 2) | (length == 4)) & tf.reduce_all((ids >= SPECIAL_IDS) | ~asked, 1)
        first, second = (tf.gather(self.unit, ids[:, place]) for place in (0, 1))
        similarity = tf.cast(tf.reduce_sum(first * second, axis=1), tf.float32)
        rows = tf.where(known & (length == 4))  # (n, 1)
        add, mul = self._are_answered(tf.gather_nd(ids, rows))
        shape = tf.shape(length, tf.int64)
        return {
            "similarity": tf.where(known, similarity, 0.0),
            "add": tf.scatter_nd(rows, tf.cast(add, tf.int32), shape) > 0,
            "mul": tf.scatter_nd(rows, tf.cast(mul, tf.int32), shape) > 0,
            "known": known,
        }

    def ids(self, word) -> tuple[tf.Tensor, tf.Tensor]:
        """(b,) ids, and whether each is one word of the vocabulary."""
        tokens = self.tokenizer.ragged(word)
        first = tokens.to_tensor(UNKNOWN, shape=(None, 1))[:, 0]
        known = (tokens.row_lengths() == 1) & (first >= SPECIAL_IDS)
        return tf.where(known, first, UNKNOWN), known

    def _nearest(self, direction, question, k, known) -> dict[str, tf.Tensor]:
        """The k words with the largest cosine to (b, D) directions, without (b, n) ids."""
        valid = tf.reduce_all((k >= 1) & (k <= MOST_NEIGHBOURS))
        check = tf.Assert(valid, [f"k must be 1 to {MOST_NEIGHBOURS}"])
        with tf.control_dependencies([check]):
            width = tf.minimum(tf.reduce_max(k), tf.shape(self.unit)[0])
        cosine = self._without(tf.matmul(direction, self.unit, transpose_b=True), question)
        similarity, ids = tf.math.top_k(cosine, width)
        shown = known[:, None] & (tf.range(width) < k[:, None]) & tf.math.is_finite(similarity)
        return {
            "words": tf.where(shown, tf.gather(self.words, ids), ""),
            "similarity": tf.where(shown, tf.cast(similarity, tf.float32), 0.0),
            "known": known,
        }

    def _are_answered(self, ids) -> tuple[tf.Tensor, tf.Tensor]:
        """(n, 4) ids -> (n,) whether 3CosAdd and 3CosMul give the fourth; see `analogies`."""
        a, b, c = (
            tf.matmul(tf.gather(self.unit, ids[:, place]), self.unit, transpose_b=True)
            for place in range(3)
        )
        by_mul = ((b + 1) / 2) * ((c + 1) / 2) / ((a + 1) / 2 + word_vectors.MUL_EPSILON)
        best = [
            tf.argmax(self._without(scores, ids[:, :3]), axis=1, output_type=tf.int32)
            for scores in (b - a + c, by_mul)
        ]
        return best[0] == ids[:, 3], best[1] == ids[:, 3]

    def _without(self, scores, question):
        """(b, V) scores, of which those of (b, n) ids and of no word are lowest."""
        rows = tf.repeat(tf.range(tf.shape(question)[0])[:, None], tf.shape(question)[1], axis=1)
        places = tf.reshape(tf.stack([rows, question], axis=2), (-1, 2))
        lowest = tf.fill((tf.shape(places)[0],), tf.constant(-np.inf, tf.float64))
        scores = tf.tensor_scatter_nd_update(scores, places, lowest)
        is_word = tf.range(tf.shape(scores)[1]) >= SPECIAL_IDS
        return tf.where(is_word, scores, tf.constant(-np.inf, tf.float64))


def endpoints_of(vectors: np.ndarray, assets: Path):
    """(module to save, {signature name: function})."""
    module = WordGraph(vectors, assets)
    return module, {
        "serving_default": module.embed, "neighbours": module.neighbours,
        "analogy": module.analogy, "score": module.score,
    }  # fmt: skip
