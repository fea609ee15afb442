"""The served linear classifier on n-grams: raw strings in, the same answer as a network's out.

`models/classical/linear_text.py` in TensorFlow. A text is taken as code points, of which tables say
what they are and what their lower case is, made from Python's own `re` and `str`; so it is read
alike on all of Unicode. An n-gram is looked up as a path through a trie: the number of its first
n - 1 tokens, which are an n-gram of the vocabulary as well, and its last token make a key that is
searched for in a sorted array. So no string of a vocabulary of millions is kept but single words.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from models.classical.linear_text import Block, LinearModel, LinearText
from pipelines.classical import ngram_features
from pipelines.classical.ngram_features import Ngrams
from pipelines.evaluation.tf_classifier import MarginAnswer
from pipelines.preprocessing.tokenization import DOTTED_I
from pipelines.spec import DataSpec

ABSENT = -1  # number of what is not in the vocabulary
BLANK = ord(" ")


class CodePoints(tf.Module):
    """(B,) strings -> code points of all rows in one array (N,), and the row of each (N,)."""

    def __init__(self, lowercase: bool):
        super().__init__()
        self.lowercase = lowercase
        self.classes = constant(ngram_features.character_classes(), "classes")
        if lowercase:
            self.lower = constant(ngram_features.lower_code_points(), "lower")

    def __call__(self, text):
        if self.lowercase:
            text = tf.strings.regex_replace(text, *DOTTED_I)  # one letter, whose lower case is two
        codes = tf.strings.unicode_decode(text, "UTF-8", errors="replace")
        flat, rows = codes.values, codes.value_rowids()
        return (tf.gather(self.lower, flat) if self.lowercase else flat), rows

    def classes_of(self, codes):
        return tf.gather(self.classes, codes)


class Words(tf.Module):
    """Words and signs: -> (numbers of tokens in the vocabulary of single ones, row of each)."""

    def __init__(self, reader: CodePoints, tokens: list[str]):
        super().__init__()
        self.reader = reader
        numbers = np.arange(len(tokens), dtype=np.int64)
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(tokens, tf.string), numbers), ABSENT
        )

    def __call__(self, text):
        codes, rows = self.reader(text)
        classes = self.reader.classes_of(codes)
        is_word = classes == ngram_features.WORD
        goes_on = is_word & before(is_word, False) & (rows == before(rows, ABSENT))
        is_token = classes != ngram_features.SPACE
        is_first = (is_token & ~goes_on)[is_token]
        token_of = tf.cumsum(tf.cast(is_first, tf.int64)) - 1  # (code points without spaces,)
        rows = rows[is_token][is_first]
        letters = tf.RaggedTensor.from_value_rowids(
            codes[is_token], token_of, nrows=tf.shape(rows, tf.int64)[0], validate=False
        )
        return self.table.lookup(tf.strings.unicode_encode(letters, "UTF-8")), rows


class Characters(tf.Module):
    """Characters, several spaces as one: -> (numbers in the vocabulary of single ones, rows)."""

    def __init__(self, reader: CodePoints, tokens: list[str]):
        super().__init__()
        self.reader = reader
        self.search = Search(np.array([ord(token) for token in tokens], np.int64), "characters")

    def __call__(self, text):
        codes, rows = self.reader(text)
        is_space = self.reader.classes_of(codes) == ngram_features.SPACE
        follows = is_space & before(is_space, False) & (rows == before(rows, ABSENT))
        leads = is_space & after(is_space, False) & (rows == after(rows, ABSENT))
        codes = tf.where(leads, BLANK, codes)[~follows]
        return self.search(tf.cast(codes, tf.int64)), rows[~follows]


class Search(tf.Module):
    """The place of each value in a sorted array of distinct keys, or ABSENT."""

    def __init__(self, keys: np.ndarray, name: str):
        super().__init__()
        self.keys = constant(keys, name)

    def __call__(self, values):
        places = tf.searchsorted(self.keys, values, out_type=tf.int64)
        places = tf.minimum(places, tf.size(self.keys, tf.int64) - 1)
        return tf.where(tf.gather(self.keys, places) == values, places, ABSENT)


class Trie:
    """Numbers of n-grams, level by level, and the order in which these put the features.

    Level n has one key for each n-gram of n tokens: (number of its first n - 1) * (number of single
    tokens) + (number of its last token). Its number is the place of the key among the sorted ones.

    Args:
        tokens: the single ones, in the order of their numbers.
        keys: of the levels from 2 tokens on.
        order: (V,) for each feature of the graph its place in the vocabulary.
    """

    def __init__(self, ngrams: Ngrams, vocabulary: list[str]):
        is_words = ngrams.unit == "words"
        levels: list[dict[str, int]] = [{} for _ in range(ngrams.max_ngram)]
        for place, ngram in enumerate(vocabulary):
            levels[ngram.count(" ") if is_words else len(ngram) - 1][ngram] = place
        self.tokens = sorted(levels[0])
        self.keys: list[np.ndarray] = []
        numbers = {token: number for number, token in enumerate(self.tokens)}
        order, shorter = [[levels[0][token] for token in self.tokens]], numbers
        for level in filter(None, levels[1:]):
            ends = [_split(ngram, is_words) for ngram in level]
            keys = np.array([shorter[a] * len(numbers) + numbers[b] for a, b in ends], np.int64)
            by_key = np.argsort(keys)
            names = list(level)
            shorter = {names[index]: number for number, index in enumerate(by_key.tolist())}
            self.keys.append(keys[by_key])
            order.append([level[name] for name in shorter])
        self.order = np.concatenate([np.array(places, np.int64) for places in order])


def _split(ngram: str, is_words: bool) -> tuple[str, str]:
    """(all tokens but the last, the last)."""
    if is_words:
        first, _, last = ngram.rpartition(" ")
        return first, last
    return ngram[:-1], ngram[-1]


class GraphBlock(tf.Module):
    """`linear_text.Block` in the graph: (B,) strings -> (B, 1 or classes) float64 margins."""

    def __init__(self, block: Block, reader: CodePoints):
        super().__init__()
        trie = Trie(block.ngrams, block.vocabulary)
        split = Words if block.ngrams.unit == "words" else Characters
        self.tokens = split(reader, trie.tokens)
        self.levels = [Search(keys, f"ngrams{n}") for n, keys in enumerate(trie.keys, 2)]
        self.sizes = [len(trie.tokens), *map(len, trie.keys)]
        self.weights = constant(block.weights[trie.order], "weights")
        self.idf = None if block.idf is None else constant(block.idf[trie.order], "idf")

    def __call__(self, text):
        rows, features = self._occurrences(text)
        total = sum(self.sizes)
        pairs, _, counts = tf.unique_with_counts(rows * total + features, out_idx=tf.int64)
        rows, features = pairs // total, pairs % total
        values, count = tf.ones_like(rows, tf.float64), tf.shape(text, tf.int64)[0]
        if self.idf is not None:
            values = (1 + tf.math.log(tf.cast(counts, tf.float64))) * tf.gather(self.idf, features)
            squares = tf.math.unsorted_segment_sum(values**2, rows, count)
            values /= tf.gather(tf.sqrt(squares), rows)
        matrix = tf.SparseTensor(tf.stack([rows, features], axis=1), values, (count, total))
        return tf.sparse.sparse_dense_matmul(matrix, self.weights)

    def _occurrences(self, text):
        """(row, feature) of every n-gram of the vocabulary, as often as it occurs."""
        tokens, rows = self.tokens(text)  # (N,)
        number, start = tokens, 0  # of the n-gram that begins at each place, ABSENT for none
        all_rows, all_features = [], []
        for level, size in enumerate(self.sizes):
            if level:
                last, last_row = shifted(tokens, level, ABSENT), shifted(rows, level, ABSENT)
                known = (number >= 0) & (last >= 0) & (last_row == rows)
                key = tf.where(known, number * self.sizes[0] + last, ABSENT)
                number = self.levels[level - 1](key)
            present = number >= 0
            all_rows.append(rows[present])
            all_features.append(number[present] + start)
            start += size
        return tf.concat(all_rows, axis=0), tf.concat(all_features, axis=0)


class LinearTextClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model: LinearModel, spec: DataSpec):
        super().__init__()
        readers = {block.ngrams.lowercase: None for block in model.blocks}
        readers = {lowercase: CodePoints(lowercase) for lowercase in readers}
        self.blocks = [GraphBlock(block, readers[block.ngrams.lowercase]) for block in model.blocks]
        self.biases = tf.constant(model.biases, tf.float64)
        self.answer = MarginAnswer(spec, model.calibration)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def classify(self, text):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        return self.answer(tf.add_n([block(text) for block in self.blocks]) + self.biases)


def estimator_endpoints(estimator: LinearText, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = LinearTextClassifier(estimator.model, spec)
    return module, {"serving_default": module.classify}


def constant(values: np.ndarray, name: str) -> tf.Variable:
    """Stored beside the graph, whose own size is limited to 2 GB."""
    return tf.Variable(values, trainable=False, name=name)


def before(values, first):
    """Each place's predecessor; `first` for that of the first place."""
    return tf.concat([tf.fill([tf.minimum(tf.size(values), 1)], tf.cast(first, values.dtype)),
                      values[:-1]], axis=0)  # fmt: skip


def after(values, last):
    """Each place's successor; `last` for that of the last place."""
    return shifted(values, 1, last)


def shifted(values, steps: int, fill):
    """The value that is `steps` places further on; `fill` beyond the end."""
    beyond = tf.fill([tf.minimum(tf.size(values), steps)], tf.cast(fill, values.dtype))
    return tf.concat([values[steps:], beyond], axis=0)
