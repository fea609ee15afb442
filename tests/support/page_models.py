"""Small models with one function for each kind of form, as a version tree."""

import json
from pathlib import Path

import tensorflow as tf

TEXTS = tf.TensorSpec((None,), tf.string, name="text")
FILES = tf.TensorSpec((None,), tf.string, name="image_bytes")
SERIES = tf.TensorSpec((None, 4, 1), tf.float32, name="history")


def classified(second, names):
    """Answers as the project's classifiers give them. second: whether it is the second class."""
    probabilities = tf.where(second[:, None], [[0.25, 0.75]], [[0.875, 0.125]])
    return {
        "label": tf.gather(names, tf.argmax(probabilities, 1)),
        "probabilities": probabilities,
        "probability": tf.reduce_max(probabilities, 1),
    }


class Answers(tf.Module):
    @tf.function(input_signature=[TEXTS])
    def spam(self, text):
        return classified(tf.strings.regex_full_match(text, ".*free.*"), ["ham", "spam"])

    @tf.function(input_signature=[FILES])
    def light(self, image_bytes):
        def mean(data):
            return tf.reduce_mean(tf.cast(tf.io.decode_png(data, 1), tf.float32))

        means = tf.map_fn(mean, image_bytes, fn_output_signature=tf.float32)
        return classified(means > 127.0, ["dark", "light"])

    @tf.function(input_signature=[SERIES])
    def forecast(self, history):
        """Goes on as the last step went."""
        step = history[:, -1:] - history[:, -2:-1]
        return {"forecast": history[:, -1:] + step * tf.constant([[[1.0], [2.0], [3.0]]])}

    @tf.function(input_signature=[TEXTS])
    def translate(self, text):
        return {"translation": text, "score": tf.zeros_like(text, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, name="number")])
    def doubled(self, number):
        return {"twice": 2 * number}


KINDS = {
    "mail": ("text_classification", ["ham", "spam"], {"text": ["for free"]}, {"label": ["spam"]}),
    "shades": ("image_classification", ["dark", "light"], None, None),
    "steps": ("forecasting", [], None, None),
    "echo": ("translation", [], None, None),
}


def plant(root: Path) -> None:
    """Version 1 of each model."""
    module = Answers()
    functions = {
        "mail": {"serving_default": module.spam},
        "shades": {"serving_default": module.light},
        "steps": {"serving_default": module.forecast},
        "echo": {"serving_default": module.translate, "twice": module.doubled},
    }
    for name, (task, labels, inputs, outputs) in KINDS.items():
        folder = root / name / "1"
        tf.saved_model.save(module, str(folder), functions[name])
        (folder / "signature.json").write_text(json.dumps({"task": task, "labels": labels}))
        if inputs:
            golden = {"inputs": inputs, "outputs": outputs}
            (folder / "golden.json").write_text(json.dumps(golden))
