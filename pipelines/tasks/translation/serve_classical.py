"""The served graph of `models.classical.translation_memory`: strings in, strings out.

`pipelines.classical.translation_memory` in TensorFlow, text by text. Shapes: t tokens of a text, n
sentences of the memory, v n-grams of its vocabulary.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.classical.translation_memory import PRECISION, SentenceMemory
from pipelines.classical.translation_tokens import CLOSING, CONNECTING, OPENING
from pipelines.preprocessing.unicode_ranges import ranges
from pipelines.spec import DataSpec

PARALLEL = 4  # texts at a time


class MemoryTranslator(tf.Module):
    """The served graph and what it needs: saved together.

    `text` (B,) strings -> `translation` (B,) strings and `score` (B,) float32.
    """

    def __init__(self, estimator):
        super().__init__()
        self.method = estimator.method
        self.dictionary = GraphDictionary(estimator.dictionary)
        self.memory = None if self.method == "words" else GraphMemory(estimator.memory)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def translate(self, text):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        signature = (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.float32))
        translation, score = tf.map_fn(
            self._translated, text, fn_output_signature=signature, parallel_iterations=PARALLEL
        )
        return {"translation": translation, "score": score}

    def _translated(self, text):
        """A scalar string -> (translation, score)."""
        words = split(text)
        if self.memory is None:
            known = tf.cast(self.dictionary.has(words), tf.float64)
            share = tf.math.divide_no_nan(tf.reduce_sum(known), tf.cast(tf.size(words), tf.float64))
            return join(self.dictionary(words)), tf.cast(share, tf.float32)
        row, similarity = self.memory.nearest(words)
        translation = tf.cond(
            similarity > 0,
            lambda: self._from_memory(words, row),
            lambda: join(self.dictionary(words)),
        )
        return translation, tf.cast(similarity, tf.float32)

    def _from_memory(self, words, row):
        target = self.memory.targets[row]
        if self.method == "memory":
            return target
        return join(self._repaired(words, split(self.memory.sources[row]), split(target)))

    def _repaired(self, words, source, target):
        """`translation_memory.repaired` in the graph: strings (t,), (s,) and (u,) -> (u,)."""
        missing = self.dictionary(difference(words, source))
        olds = self.dictionary(difference(source, words))
        places = tf.range(tf.size(target))

        def replace_next(number, used, target):
            same = tf.equal(target, olds[number])
            possible = tf.reduce_any(same) & (used < tf.size(missing))
            place = tf.argmax(tf.cast(same, tf.int32), output_type=tf.int32)
            replaced = lambda: tf.where(places == place, missing[used], target)  # noqa: E731
            target = tf.cond(possible, replaced, lambda: target)
            return number + 1, used + tf.cast(possible, tf.int32), target

        _, _, target = tf.while_loop(
            lambda number, used, target: number < tf.size(olds), replace_next, (0, 0, target),
            shape_invariants=(
                tf.TensorShape(()), tf.TensorShape(()), tf.TensorShape((None,)),
            ),
        )  # fmt: skip
        return target


class GraphDictionary(tf.Module):
    """Words -> their translations; unknown ones are copied."""

    def __init__(self, dictionary: Mapping[str, str]):
        super().__init__()
        self.translations = tf.constant([*dictionary.values(), ""])
        self.table = string_table(list(dictionary))

    def __call__(self, words):
        numbers = self.table.lookup(words)
        known = tf.gather(self.translations, tf.maximum(numbers, 0))
        return tf.where(numbers >= 0, known, words)

    def has(self, words):
        return self.table.lookup(words) >= 0


class GraphMemory(tf.Module):
    """`SentenceMemory` in the graph: for each n-gram the sentences that have it, and its weights.

    `starts` (v + 1,): the entries of n-gram i, in `rows` and `weights`, are starts[i] to
    starts[i + 1].
    """

    def __init__(self, memory: SentenceMemory):
        super().__init__()
        by_ngram = memory.vectors.tocsc()
        self.sentences = memory.vectors.shape[0]
        self.starts = tf.Variable(by_ngram.indptr.astype(np.int64), trainable=False)
        self.rows = tf.Variable(by_ngram.indices.astype(np.int64), trainable=False)
        self.weights = tf.Variable(by_ngram.data, trainable=False)
        self.idf = tf.Variable(memory.vectorizer.idf_, trainable=False)
        self.table = string_table(memory.vectorizer.get_feature_names_out().tolist())
        self.sources = tf.constant(list(memory.sources))
        self.targets = tf.constant(list(memory.targets))

    def nearest(self, words):
        """(t,) tokens -> (row, cosine similarity) of the most similar sentence."""
        bigrams = tf.strings.join([words[:-1], words[1:]], separator=" ")
        numbers = self.table.lookup(tf.concat([words, bigrams], axis=0))
        ngrams, _, counts = tf.unique_with_counts(tf.boolean_mask(numbers, numbers >= 0))
        weights = (1 + tf.math.log(tf.cast(counts, tf.float64))) * tf.gather(self.idf, ngrams)
        weights = tf.math.divide_no_nan(weights, tf.norm(weights))
        starts, ends = tf.gather(self.starts, ngrams), tf.gather(self.starts, ngrams + 1)
        entries = tf.ragged.range(starts, ends).flat_values
        products = tf.repeat(weights, ends - starts) * tf.gather(self.weights, entries)
        rows = tf.gather(self.rows, entries)
        cosines = tf.math.unsorted_segment_sum(products, rows, self.sentences)
        rounded = tf.math.rint(cosines * PRECISION)
        return tf.argmax(rounded), tf.reduce_max(rounded) / PRECISION


def string_table(keys: list[str]) -> tf.lookup.StaticHashTable:
    """String -> its index; -1 for others."""
    if not keys:
        keys = ["\0"]  # a table must have a key; no token has this one beside others
    numbers = tf.range(len(keys), dtype=tf.int64)
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys), numbers)
    return tf.lookup.StaticHashTable(initializer, -1)


def split(text):
    """`translation_tokens.split` in the graph: a scalar string -> (t,) strings."""
    digit, letter, space = ranges(r"\d"), ranges(r"\w"), ranges(r"\s")
    tokens = f"([{digit}]+(?:[.,:][{digit}]+)*|[{letter}]+|[^{letter}{space}])"
    text = tf.strings.regex_replace(text, f"[{space}]+", " ")
    return tf.strings.split(tf.strings.regex_replace(text, tokens, r" \1 "))


def join(tokens):
    """`translation_tokens.join` in the graph: (t,) strings -> a scalar string."""
    letter = ranges(r"\w")
    is_word = tf.strings.regex_full_match(tokens, f"[{letter}][\\x{{0}}-\\x{{10FFFF}}]*")
    closing, opening, connecting = (_among(tokens, s) for s in (CLOSING, OPENING, CONNECTING))
    no = tf.zeros_like(is_word[:1])  # (0,) of no tokens, (1,) of some
    before = tf.concat([no, is_word[:-1]], axis=0)
    after = tf.concat([is_word[1:], no], axis=0)
    connects = connecting & before & after
    attached = (
        (tf.range(tf.size(tokens)) == 0) | closing | connects
        | tf.concat([no, opening[:-1]], axis=0)
        | tf.concat([no, connects[:-1]], axis=0)
    )  # fmt: skip
    return tf.strings.reduce_join(tf.where(attached, tokens, tf.strings.join([" ", tokens])))


def _among(tokens, signs: str):
    return tf.reduce_any(tokens[:, None] == tf.constant(list(signs)), axis=1)


def difference(words, others):
    """The multiset `words` without `others`, as Python's Counter orders it.

    Equal words follow one another, and distinct ones come in the order of their first place.
    """
    distinct, numbers = tf.unique(tf.concat([words, others], axis=0))
    counts = tf.math.bincount(numbers[: tf.size(words)], minlength=tf.size(distinct))
    other_counts = tf.math.bincount(numbers[tf.size(words) :], minlength=tf.size(distinct))
    return tf.repeat(distinct, tf.maximum(counts - other_counts, 0))


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = MemoryTranslator(estimator)
    return module, {"serving_default": module.translate}
