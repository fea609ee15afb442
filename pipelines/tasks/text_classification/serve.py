"""The served text classifier: raw strings in; label, probability and probabilities out."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import score
from pipelines.evaluation.tf_classifier import ANSWER_KINDS, Answer, outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing.tokenization import SPECIAL_IDS, UNKNOWN, Tokenizer
from pipelines.spec import DataSpec
from pipelines.tasks.text_classification.serve_classical import estimator_endpoints

# The lower case of these letters depends on the locale: Lithuanian keeps the dot of an i.
LOCAL = (("\u00cc", "\u00ec"), ("\u00cd", "\u00ed"), ("\u0128", "\u0129"), ("\u012e", "\u012f"))

__all__ = ["KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "weights"]

KINDS = {"text": "text", **ANSWER_KINDS}  # of inputs and outputs


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
            name: GraphTokenizer(Tokenizer.load(assets / f"{name}.json")) for name in spec.inputs
        }

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def classify(self, text):
        # TensorFlow's oneDNN convolutions fail on 0 rows: an empty text is added, and removed.
        rows = tf.shape(text)[0]
        text = tf.concat([text, tf.fill([tf.cast(rows == 0, tf.int32)], "")], axis=0)
        ids = {name: tokenizer(text) for name, tokenizer in self.tokenizers.items()}
        answer = self.answer(self.model(ids, training=False))
        return {name: values[:rows] for name, values in answer.items()}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = TextClassifier(model, spec, assets, decision)
    return module, {"serving_default": module.classify}
