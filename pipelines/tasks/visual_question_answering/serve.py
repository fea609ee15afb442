"""The served answers: JPEG or PNG bytes and a question in, the answer out.

Signatures (b rows; both inputs in each):

    serving_default  image_bytes, question -> answer, probability; answers, probabilities: the five
                     most probable ones, the best first
    all_answers      -> answer, all_probabilities: (b, answers), in the order of the labels

A question without a word is refused, as is an image that cannot be read.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.evaluation.classifier import Outputs
from pipelines.evaluation.tf_classifier import Answer
from pipelines.evaluation.tf_classifier import outputs as classifier_outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preparation.visual_questions import (
    IMAGE,
    RAW_IMAGE,
    RAW_QUESTION,
    READER_FILE,
    TOKENIZER_FILE,
    WORDS,
)
from pipelines.preprocessing import image_decoding, text_limits
from pipelines.preprocessing.tokenization import PADDING, Tokenizer
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.graph_reader import GraphReader
from pipelines.tasks.text_classification.serve import GraphTokenizer
from pipelines.tasks.visual_question_answering.metrics import score, weights
from pipelines.tasks.visual_question_answering.serve_classical import GraphLinearAnswers

__all__ = [
    "KINDS", "SCORED", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"
]  # fmt: skip

KINDS = {
    RAW_IMAGE: "image", RAW_QUESTION: "text", "answer": "label", "probability": "probability",
    "answers": "ranking", "probabilities": "score", "all_probabilities": "probabilities",
}  # fmt: skip
SCORED = "all_answers"
LISTED = 5
EMPTY = "question: it has no word; ask something about the image"
SIGNATURE = [
    tf.TensorSpec((None,), tf.string, name=RAW_IMAGE),
    tf.TensorSpec((None,), tf.string, name=RAW_QUESTION),
]


class Answerer(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        model: {image, words} -> (B, k) logits.
        spec: of the data.
        assets: the folder with the image reader and the vocabulary.
        decision: how logits become answers.
    """

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model, self.to_answer = model, Answer(spec, decision)
        self.reader = GraphReader(image_decoding.Reader.load(assets / READER_FILE))
        self.tokenizer = GraphTokenizer(Tokenizer.load(assets / TOKENIZER_FILE))
        self.max_bytes, self.listed = max_bytes(spec), min(LISTED, spec.outputs)
        self.labels = tf.constant(spec.labels)

    @tf.function(input_signature=SIGNATURE)
    def answer(self, image_bytes, question):
        given = self._answered(image_bytes, question)
        best, places = tf.math.top_k(given["probabilities"], self.listed)
        return {
            "answer": given["label"], "probability": given["probability"],
            "answers": tf.gather(self.labels, places), "probabilities": best,
        }  # fmt: skip

    @tf.function(input_signature=SIGNATURE)
    def all_answers(self, image_bytes, question):
        given = self._answered(image_bytes, question)
        return {"answer": given["label"], "all_probabilities": given["probabilities"]}

    def _answered(self, image_bytes, question) -> dict:
        ids = self.tokenizer(tf.strings.substr(question, 0, self.max_bytes))
        has_words = tf.reduce_all(tf.reduce_any(ids != PADDING, axis=1))
        with tf.control_dependencies([tf.debugging.Assert(has_words, [EMPTY])]):
            images = self.reader(image_bytes)
        return self.to_answer(self.model({IMAGE: images, WORDS: ids}, training=False))


def max_bytes(spec: DataSpec) -> int:
    return text_limits.max_bytes(spec.inputs[WORDS].shape[0])


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger image is refused, a longer question cut."""
    reader = image_decoding.Reader.load(assets / READER_FILE)
    return {
        RAW_IMAGE: {"max_pixels": reader.max_pixels}, RAW_QUESTION: {"max_bytes": max_bytes(spec)}
    }  # fmt: skip


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = Answerer(model, spec, assets, decision)
    return module, {"serving_default": module.answer, SCORED: module.all_answers}


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """The same of a linear classifier of words and pixels."""
    graph = GraphLinearAnswers(estimator.model)
    return endpoints(graph, spec, assets, estimator.decision)


def outputs(answer: Mapping[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What "all_answers" gave as the outputs that `score` takes."""
    given = {"label": answer["answer"], "probabilities": answer["all_probabilities"]}
    return classifier_outputs(given, spec)
