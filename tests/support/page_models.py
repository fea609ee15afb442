"""Small models with an output of each kind, as a model repository."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.preprocessing import mask_files
from tests.support.serving_trees import write_golden, write_signature

TEXTS = tf.TensorSpec((None,), tf.string, name="text")
FILES = tf.TensorSpec((None,), tf.string, name="image_bytes")
QUESTIONS = tf.TensorSpec((None,), tf.string, name="question")
SERIES = tf.TensorSpec((None, 4, 1), tf.float32, name="history")


def classify(is_second, class_names):
    """Outputs as the project's classifiers have them. is_second: (B,) bool."""
    probabilities = tf.where(is_second[:, None], [[0.25, 0.75]], [[0.875, 0.125]])  # (B, 2)
    return {
        "label": tf.gather(class_names, tf.argmax(probabilities, 1)),
        "probabilities": probabilities,
        "probability": tf.reduce_max(probabilities, 1),
    }


class Functions(tf.Module):
    @tf.function(input_signature=[TEXTS])
    def spam(self, text):
        return classify(tf.strings.regex_full_match(text, ".*free.*"), ["ham", "spam"])

    @tf.function(input_signature=[FILES])
    def light(self, image_bytes):
        def mean(data):
            return tf.reduce_mean(tf.cast(tf.io.decode_png(data, 1), tf.float32))

        means = tf.map_fn(mean, image_bytes, fn_output_signature=tf.float32)
        return classify(means > 127.0, ["dark", "light"])

    @tf.function(input_signature=[FILES])
    def segment(self, image_bytes):
        """A mask of 2 x 1 pixels, of the classes 0 and 2, whatever the image."""
        data = mask_files.encode(np.array([[0, 2]], np.uint8))
        rows = tf.shape(image_bytes)
        return {
            "mask_bytes": tf.fill(rows, data),
            "share": tf.tile([[0.5, 0.0, 0.5]], [rows[0], 1]),
        }

    @tf.function(input_signature=[FILES])
    def reconstruct(self, image_bytes):
        """An image of 2 x 1 pixels, dark and red, and a code of two numbers, whatever the image."""
        rows = tf.shape(image_bytes)
        return {
            "reconstruction": tf.tile([[[[0.0, 0.0, 0.0], [1.0, 0.2, 0.0]]]], [rows[0], 1, 1, 1]),
            "code": tf.tile([[0.5, -1.5]], [rows[0], 1]), "error": tf.fill(rows, 0.25),
        }  # fmt: skip

    @tf.function(input_signature=[FILES, QUESTIONS])
    def ask(self, image_bytes, question):
        """Yes where the question is as long in bytes as the file, or else no."""
        is_so = tf.strings.length(image_bytes) == tf.strings.length(question)
        answers = tf.where(is_so[:, None], [["yes", "no"]], [["no", "yes"]])
        rows = tf.shape(question)[0]
        return {
            "answer": answers[:, 0], "probability": tf.fill([rows], 0.75), "answers": answers,
            "probabilities": tf.tile([[0.75, 0.25]], [rows, 1]),
        }  # fmt: skip

    @tf.function(input_signature=[SERIES])
    def forecast(self, history):
        """Continues the slope of the last step."""
        step = history[:, -1:] - history[:, -2:-1]
        forecast = history[:, -1:] + step * tf.constant([[[1.0], [2.0], [3.0]]])  # (B, 3, 1)
        spread = tf.constant([-1.0, 0.0, 1.0])
        return {"forecast": forecast, "quantiles": forecast[..., None] + spread}

    @tf.function(input_signature=[SERIES])
    def judge(self, history):
        """An alarm where the last reading differs from the one before it by more than 2."""
        score = tf.abs(history[:, -1, 0] - history[:, -2, 0])
        return {
            "score": score, "anomaly": score > 2, "threshold": tf.fill(tf.shape(score), 2.0),
            "expected": history[:, -2], "contribution": score[:, None],
        }  # fmt: skip

    @tf.function(input_signature=[TEXTS])
    def translate(self, text):
        return {"translation": text, "score": tf.zeros_like(text, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, name="number")])
    def doubled(self, number):
        return {"twice": 2 * number}

    @tf.function(input_signature=[TEXTS])
    def neighbours(self, text):
        """Three strings for each row, their similarities, a mask and an output without a kind."""
        rows = tf.shape(text)[0]
        suffixes = tf.constant([["s", "ed", "ing"]])
        return {
            "neighbours": tf.strings.join(
                [tf.repeat(text[:, None], 3, 1), tf.tile(suffixes, [rows, 1])]
            ),
            "similarities": tf.tile([[0.9, 0.5, 0.25]], [rows, 1]),
            "regions": tf.tile([[[0, 1, 1], [0, 2, 1]]], [rows, 1, 1]),  # (B, 2, 3)
            "weights": tf.tile([[[0.5, 1.5], [2.5, 3.5]]], [rows, 1, 1]),  # (B, 2, 2)
        }


CLASSIFIER = {
    "label": {"kind": "label"},
    "probabilities": {"kind": "probabilities"},
    "probability": {"kind": "probability"},
}
# {model: fields of signature.json}
METADATA = {
    "mail": {
        "task": "text_classification",
        "labels": ["ham", "spam"],
        "signatures": {"serving_default": {"outputs": CLASSIFIER}},
    },
    "shades": {
        "task": "image_classification",
        "labels": ["dark", "light"],
        "signatures": {
            "serving_default": {"inputs": {"image_bytes": {"kind": "image"}}, "outputs": CLASSIFIER}
        },
    },
    "coasts": {
        "task": "segmentation",
        "labels": ["sea", "land", "lake"],
        "signatures": {
            "serving_default": {
                "inputs": {"image_bytes": {"kind": "image"}},
                "outputs": {"mask_bytes": {"kind": "mask"}, "share": {"kind": "shares"}},
            }
        },
    },
    "portraits": {
        "task": "image_reconstruction",
        "signatures": {
            "serving_default": {
                "inputs": {"image_bytes": {"kind": "image"}},
                "outputs": {
                    "reconstruction": {"kind": "pixels"},
                    "code": {"kind": "code"},
                    "error": {"kind": "number"},
                },
            }
        },
    },
    "pictures": {
        "task": "visual_question_answering",
        "labels": ["no", "yes"],
        "signatures": {
            "serving_default": {
                "inputs": {"image_bytes": {"kind": "image"}, "question": {"kind": "text"}},
                "outputs": {
                    "answer": {"kind": "label"},
                    "probability": {"kind": "probability"},
                    "answers": {"kind": "ranking"},
                    "probabilities": {"kind": "score"},
                },
            }
        },
    },
    "steps": {
        "task": "forecasting",
        "signatures": {
            "serving_default": {
                "inputs": {"history": {"kind": "series"}},
                "outputs": {"forecast": {"kind": "series"}, "quantiles": {"kind": "quantiles"}},
            }
        },
    },
    "pump": {
        "task": "anomaly_detection",
        "signatures": {
            "serving_default": {
                "inputs": {"history": {"kind": "series", "unit": "bar"}},
                "outputs": {
                    "score": {"kind": "score"},
                    "anomaly": {"kind": "alarm"},
                    "threshold": {"kind": "number"},
                    "expected": {"kind": "values"},
                    "contribution": {"kind": "values"},
                },  # fmt: skip
            }
        },
    },
    "echo": {
        "task": "translation",
        "signatures": {
            "serving_default": {
                "outputs": {"translation": {"kind": "text"}, "score": {"kind": "score"}}
            }
        },
    },
    "words": {
        "task": "word_neighbours",
        "labels": ["sky", "sea", "land"],
        "signatures": {
            "serving_default": {
                "outputs": {
                    "neighbours": {"kind": "ranking"},
                    "similarities": {"kind": "score"},
                    "regions": {"kind": "mask"},
                    "weights": {"kind": "of a later release"},
                }
            }
        },
    },
}


def save_models(root: Path) -> None:
    """Version 1 of each model; `mail` has a golden example."""
    module = Functions()
    functions = {
        "mail": {"serving_default": module.spam},
        "shades": {"serving_default": module.light},
        "coasts": {"serving_default": module.segment},
        "portraits": {"serving_default": module.reconstruct},
        "pictures": {"serving_default": module.ask},
        "steps": {"serving_default": module.forecast},
        "pump": {"serving_default": module.judge},
        "echo": {"serving_default": module.translate, "twice": module.doubled},
        "words": {"serving_default": module.neighbours},
    }
    for name, fields in METADATA.items():
        folder = root / name / "1"
        tf.saved_model.save(module, str(folder), functions[name])
        write_signature(folder, **fields)
    write_golden(root / "mail/1", {"text": ["for free"]}, {"label": ["spam"]})
