"""The served text classifier: raw strings in; label, probability and probabilities out.

A model with a pretrained encoder has a second signature, `explain`, which answers as well with
`words`, (B, W) strings, and `scores`, (B, W): how much each word speaks for the label, as log-odds.
Rows with fewer words than the longest end in "" and 0.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import score
from pipelines.evaluation.tf_classifier import ANSWER_KINDS, Answer, outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import wordpiece
from pipelines.preprocessing.tokenization import SPECIAL_IDS, UNKNOWN, Tokenizer
from pipelines.spec import DataSpec
from pipelines.tasks.text_classification import word_attributions

# The lower case of these letters depends on the locale: Lithuanian keeps the dot of an i.
LOCAL = (("\u00cc", "\u00ec"), ("\u00cd", "\u00ed"), ("\u0128", "\u0129"), ("\u012e", "\u012f"))

__all__ = ["KINDS", "REQUIRES", "endpoints", "outputs", "requires", "score", "units", "weights"]

KINDS = {"text": "text", **ANSWER_KINDS}  # of inputs and outputs
REQUIRES = ("tensorflow_text",)  # for word pieces
SIGNATURE = [tf.TensorSpec((None,), tf.string, name="text")]


class GraphTokenizer(tf.Module):
    """`Tokenizer` in TensorFlow string operations: (B,) strings -> (B, max_tokens) int32."""

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        self.unit, self.lowercase = tokenizer.granularity, tokenizer.lowercase
        self.rules = tuple(map(tuple, tokenizer.rules))
        self.cutting = tuple(map(tuple, tokenizer.piece_rules))
        self.max_tokens = tokenizer.max_tokens
        ids = np.arange(len(tokenizer.vocabulary), dtype=np.int32) + SPECIAL_IDS
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(tokenizer.vocabulary), ids), UNKNOWN
        )

    def __call__(self, text):
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
        for pattern, replacement in self.rules:
            text = tf.strings.regex_replace(text, pattern, replacement)
        if self.lowercase:
            for capital, small in LOCAL:
                text = tf.strings.regex_replace(text, capital, small)
            # ASCII first: the lower case of I would depend on the locale as well.
            text = tf.strings.lower(tf.strings.lower(text), encoding="utf-8")
        for pattern, replacement in self.cutting:
            text = tf.strings.regex_replace(text, pattern, replacement)
        if self.unit == "character":
            tokens = tf.strings.unicode_split(text, "UTF-8")
        else:
            tokens = tf.strings.split(text)
        ids = tf.ragged.map_flat_values(self.table.lookup, tokens)
        return ids.to_tensor(0, shape=(None, self.max_tokens))


class TextClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model, self.answer = model, Answer(spec, decision)
        self.tokenizers = {
            name: load_tokenizer(assets / f"{name}.json", name in requiring_text_ops(spec))
            for name in spec.inputs
        }

    @tf.function(input_signature=SIGNATURE)
    def classify(self, text):
        rows, text = with_a_row(text)
        ids = {name: tokenizer(text) for name, tokenizer in self.tokenizers.items()}
        answer = self.answer(self.model(ids, training=False))
        return {name: values[:rows] for name, values in answer.items()}

    def explanation(self, text):
        """The answer with words and scores; no tf.function, since saving would trace it always."""
        rows, text = with_a_row(text)
        ((name, tokenizer),) = self.tokenizers.items()
        ids, words, numbers = tokenizer.with_words(text)
        answer = self.answer(self.model({name: ids}, training=False))
        words = words.to_tensor("")  # (B, W)
        predicted = tf.argmax(answer["label"][:, None] == self.answer.labels, axis=1)
        pieces = word_attributions.of_pieces(self.model, ids, predicted)
        scores = word_attributions.of_words(pieces, numbers, tf.shape(words)[1])
        answer |= {"words": words, "scores": scores}
        return {name: values[:rows] for name, values in answer.items()}


def with_a_row(text):
    """(rows, texts) with one empty text for none: oneDNN's convolutions fail on 0 rows."""
    rows = tf.shape(text)[0]
    return rows, tf.concat([text, tf.fill([tf.cast(rows == 0, tf.int32)], "")], axis=0)


def load_tokenizer(path: Path, is_wordpiece: bool) -> tf.Module:
    """The tokenizer of an asset, as a graph."""
    if not is_wordpiece:
        return GraphTokenizer(Tokenizer.load(path))
    from pipelines.tasks.text_classification.graph_wordpieces import GraphWordPieces

    return GraphWordPieces(wordpiece.WordPieces.load(path))


def requiring_text_ops(spec: DataSpec) -> list[str]:
    """The inputs whose tokenizer has operations of tensorflow_text."""
    granularity = spec.task_metadata.get("granularity", {})
    return [name for name, kind in granularity.items() if kind == wordpiece.GRANULARITY]


def requires(spec: DataSpec) -> tuple[str, ...]:
    """Libraries to import before loading the graph of this data."""
    return REQUIRES if requiring_text_ops(spec) else ()


def units(spec: DataSpec) -> dict[str, str]:
    """Of inputs and outputs by name."""
    return {"scores": "log-odds"}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = TextClassifier(model, spec, assets, decision)
    signatures = {"serving_default": module.classify}
    if requiring_text_ops(spec) and word_attributions.explainable(model):
        module.explain = tf.function(module.explanation, input_signature=SIGNATURE)
        signatures["explain"] = module.explain
    return module, signatures
