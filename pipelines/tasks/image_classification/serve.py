"""The served image classifier: JPEG or PNG bytes in; label, probability and probabilities out."""

from pathlib import Path

import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import score
from pipelines.evaluation.tf_classifier import ANSWER_KINDS, Answer, outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.graph_reader import GraphReader
from pipelines.tasks.image_classification.serve_classical import estimator_endpoints

__all__ = ["KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"]

KINDS = {"image_bytes": "image", **ANSWER_KINDS}  # of inputs and outputs


class ImageClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model, self.answer = model, Answer(spec, decision)
        self.reader = GraphReader(image_decoding.Reader.load(assets / "image.json"))
        (self.input,) = spec.inputs

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def classify(self, image_bytes):
        images = self.reader(image_bytes)
        return self.answer(self.model({self.input: images}, training=False))


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger image is refused."""
    reader = image_decoding.Reader.load(assets / "image.json")
    return {"image_bytes": {"max_pixels": reader.max_pixels}}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = ImageClassifier(model, spec, assets, decision)
    return module, {"serving_default": module.classify}
