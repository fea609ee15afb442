"""The served classifier of movies: animated GIF files in; label and probabilities out."""

from pathlib import Path

import tensorflow as tf

from pipelines.evaluation.bootstrap import weights
from pipelines.evaluation.classifier import score
from pipelines.evaluation.tf_classifier import ANSWER_KINDS, Answer, outputs
from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing.video_decoding import ASSET, VideoReader
from pipelines.spec import DataSpec
from pipelines.tasks.video_classification.graph_gif import INPUT, GraphVideoReader
from pipelines.tasks.video_classification.serve_classical import estimator_endpoints

__all__ = ["KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"]

KINDS = {INPUT: "video", **ANSWER_KINDS}  # of inputs and outputs


class VideoClassifier(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model, spec: DataSpec, assets: Path, decision: DecisionRule):
        super().__init__()
        self.model, self.answer = model, Answer(spec, decision)
        self.reader = GraphVideoReader(VideoReader.load(assets / ASSET))
        (self.input,) = spec.inputs

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name=INPUT)])
    def classify(self, video_bytes):
        frames = self.reader(video_bytes)
        return self.answer(self.model({self.input: frames}, training=False))


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A movie of more pixels, in all frames, is refused."""
    return {INPUT: {"max_pixels": VideoReader.load(assets / ASSET).max_pixels}}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    module = VideoClassifier(model, spec, assets, decision)
    return module, {"serving_default": module.classify}
