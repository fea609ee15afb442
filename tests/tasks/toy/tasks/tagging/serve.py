"""The served tagger: a word and a flag in, a tag for each letter out."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.spec import DataSpec
from tests.tasks.toy.tasks.tagging.metrics import Outputs, score

__all__ = ["KINDS", "endpoints", "outputs", "score", "weights"]

KINDS = {"word": "text", "swap": "number", "tags": "labels"}


class Tagger(tf.Module):
    """word (B,) strings, swap (B,) int32 -> tags (B, T) strings."""

    def __init__(self, model, spec: DataSpec, assets: Path):
        super().__init__()
        self.model, self.labels = model, tf.constant(spec.labels)
        self.length = spec.inputs["letters"].shape[0]
        letters = list((assets / "letters.txt").read_text())
        keys = tf.lookup.KeyValueTensorInitializer(letters, np.arange(len(letters), dtype=np.int32))
        self.table = tf.lookup.StaticHashTable(keys, 0)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, name="word"),
            tf.TensorSpec((None,), tf.int32, name="swap"),
        ]
    )
    def tag(self, word, swap):
        letters = tf.strings.bytes_split(word)
        ids = tf.ragged.map_flat_values(self.table.lookup, letters)
        ids = ids.to_tensor(0, shape=(None, self.length))
        flag = tf.cast(swap, tf.float32)
        logits = self.model({"letters": ids, "flag": flag}, training=False)
        return {"tags": tf.gather(self.labels, tf.argmax(logits, axis=-1))}


def endpoints(model, spec: DataSpec, assets: Path, decision):
    module = Tagger(model, spec, assets)
    return module, {"serving_default": module.tag}


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    ids = {label.encode(): number for number, label in enumerate(spec.labels)}
    predicted = [[ids[label] for label in row] for row in answer["tags"]]
    return Outputs(np.array(predicted, np.int32))
