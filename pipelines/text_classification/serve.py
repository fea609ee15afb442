"""The served text classifier: raw strings in; label, probability and probabilities out."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.decision import Decision
from pipelines.scoring.bootstrap import weights
from pipelines.scoring.classifier import Outputs, score
from pipelines.spec import DataSpec
from pipelines.tokens import SPECIAL_IDS, UNKNOWN, Tokenizer

__all__ = ["endpoints", "outputs", "score", "weights"]


class GraphTokenizer(tf.Module):
    """`tokens.Tokenizer` in TensorFlow string operations: (B,) strings -> (B, max_tokens) int32."""

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        self.unit, self.lowercase = tokenizer.unit, tokenizer.lowercase
        self.rules = tuple(map(tuple, tokenizer.rules))
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
            # ASCII first: the lower case of I would depend on the server's locale.
            text = tf.strings.lower(tf.strings.lower(text), encoding="utf-8")
        if self.unit == "character":
            tokens = tf.strings.unicode_split(text, "UTF-8")
        else:
            tokens = tf.strings.split(text)
        ids = tf.ragged.map_flat_values(self.table.lookup, tokens)
        return ids.to_tensor(0, shape=(None, self.max_tokens))


class TextClassifier(tf.Module):
    """Holds all that answering takes, so that it is saved with the graph."""

    def __init__(self, model, spec: DataSpec, assets: Path, decision: Decision):
        super().__init__()
        self.model, self.decision = model, decision
        self.labels = tf.constant(spec.labels)
        self.tokenizers = {
            name: GraphTokenizer(Tokenizer.load(assets / f"{name}.json")) for name in spec.inputs
        }

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def classify(self, text):
        # TensorFlow's oneDNN convolutions fail on 0 rows: a blank row stands in for them.
        rows = tf.shape(text)[0]
        text = tf.concat([text, tf.fill([tf.cast(rows == 0, tf.int32)], "")], axis=0)
        ids = {name: tokenizer(text) for name, tokenizer in self.tokenizers.items()}
        probabilities = self._probabilities(self.model(ids, training=False))
        chosen = self._decide(probabilities)
        answer = {
            "label": tf.gather(self.labels, chosen),
            "probability": tf.cast(tf.gather(probabilities, chosen, batch_dims=1), tf.float32),
            "probabilities": tf.cast(probabilities, tf.float32),
        }
        return {name: values[:rows] for name, values in answer.items()}

    def _probabilities(self, logits):
        """`Decision.probabilities` in the graph."""
        logits, rule = tf.cast(logits, tf.float64), self.decision
        if rule.positive is None:
            return tf.nn.softmax(logits)
        odds = logits[:, rule.positive] - logits[:, 1 - rule.positive]
        found = tf.sigmoid(rule.slope * odds + rule.intercept)
        pair = [1 - found, found] if rule.positive == 1 else [found, 1 - found]
        return tf.stack(pair, axis=1)

    def _decide(self, probabilities):
        """`Decision.__call__` in the graph."""
        if self.decision.positive is None:
            return tf.argmax(probabilities, axis=1)
        positive = self.decision.positive
        found = probabilities[:, positive] >= self.decision.threshold
        return tf.where(found, positive, 1 - positive)


def endpoints(model, spec: DataSpec, assets: Path, decision: Decision):
    """(module to save, {signature name: function})."""
    module = TextClassifier(model, spec, assets, decision)
    return module, {"serving_default": module.classify}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    ids = {label.encode(): number for number, label in enumerate(spec.labels)}
    predicted = np.array([ids[label] for label in answer["label"]], np.int32)
    return Outputs(answer["probabilities"], predicted)
