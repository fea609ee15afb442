"""The served autoencoder: JPEG or PNG bytes in; reconstruction, code and error out.

reconstruction  (B, H, W, C) intensities in 0 to 1, at the size that the model sees
code            (B, k)
error           (B,) mean squared error of the pixels: how unlike the images of train this is
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.inference.decision import DecisionRule
from pipelines.preprocessing import image_decoding
from pipelines.spec import DataSpec
from pipelines.tasks.image_classification.graph_reader import GraphReader
from pipelines.tasks.image_reconstruction.metrics import Outputs, score, weights
from pipelines.tasks.image_reconstruction.serve_classical import GraphPCA
from pipelines.tasks.image_reconstruction.with_code import with_code

__all__ = [
    "KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"
]  # fmt: skip

KINDS = {
    "image_bytes": "image", "reconstruction": "pixels", "code": "code", "error": "number"
}  # fmt: skip
READER_FILE = "image.json"


class Reconstructor(tf.Module):
    """The served graph and what it needs: saved together.

    Args:
        model: {input: (B, H, W, C) uint8} -> {"reconstruction", "code"}.
        spec: of the data.
        assets: the folder with the image reader.
    """

    def __init__(self, model, spec: DataSpec, assets: Path):
        super().__init__()
        self.model = model
        self.reader = GraphReader(image_decoding.Reader.load(assets / READER_FILE))
        (self.input,) = spec.inputs

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def reconstruct(self, image_bytes):
        images = self.reader(image_bytes)
        answer = self.model({self.input: images}, training=False)
        image = tf.cast(answer["reconstruction"], tf.float32)
        difference = tf.cast(images, tf.float32) / 255 - image
        error = tf.reduce_mean(difference**2, axis=(1, 2, 3))
        code = tf.cast(answer["code"], tf.float32)
        return {"reconstruction": image, "code": code, "error": error}


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger image is refused."""
    reader = image_decoding.Reader.load(assets / READER_FILE)
    return {"image_bytes": {"max_pixels": reader.max_pixels}}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    return _endpoints(with_code(model), spec, assets)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """The same of principal components."""
    return _endpoints(GraphPCA(estimator), spec, assets)


def _endpoints(model, spec: DataSpec, assets: Path):
    module = Reconstructor(model, spec, assets)
    return module, {"serving_default": module.reconstruct}


def outputs(answer: Mapping[str, np.ndarray], spec: DataSpec) -> Outputs:
    """What the endpoint answered, in the form that `score` takes."""
    return Outputs(answer["reconstruction"], answer["code"])
