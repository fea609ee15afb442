"""The served segmentation: JPEG or PNG bytes in; a mask as PNG and the shares of the classes out.

Signatures (b images):

    serving_default  image_bytes -> mask_bytes, a PNG with a palette, of the image's size; share
    probabilities    image_bytes of one image -> probabilities (1, height, width, classes)
"""

import io
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines.inference.decision import DecisionRule
from pipelines.preparation.labelled_masks import READER_FILE
from pipelines.preprocessing.image_sizes import AnySizeReader
from pipelines.spec import DataSpec
from pipelines.tasks.segmentation.graph_masks import (
    GraphAnySizeReader,
    PalettePng,
    resize_nearest,
)
from pipelines.tasks.segmentation.metrics import Outputs, score, weights
from pipelines.tasks.segmentation.serve_classical import GraphPixelForest
from pipelines.tasks.segmentation.tiling import TiledModel

__all__ = [
    "KINDS", "endpoints", "estimator_endpoints", "outputs", "score", "sizes", "weights"
]  # fmt: skip

KINDS = {"image_bytes": "image", "mask_bytes": "mask", "share": "shares",
         "probabilities": "pixel_probabilities"}  # fmt: skip
PARALLEL = 1  # images at a time: a window of one keeps all cores busy


class PixelModel(Protocol):
    """What is needed of a model."""

    def probabilities(self, image: tf.Tensor) -> tf.Tensor:
        """(h, w, c) uint8 -> (h, w, classes) float32."""
        ...


class Segmenter(tf.Module):
    """The served graph and what it needs: saved together."""

    def __init__(self, model: PixelModel, spec: DataSpec, assets: Path):
        super().__init__()
        self.model, self.classes = model, spec.outputs
        self.reader = GraphAnySizeReader(AnySizeReader.load(assets / READER_FILE))
        self.png = PalettePng()

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
    def segment(self, image_bytes):
        types = tf.TensorSpec((), tf.string), tf.TensorSpec((self.classes,), tf.float32)
        masks, shares = tf.map_fn(
            self._mask, image_bytes, fn_output_signature=types, parallel_iterations=PARALLEL
        )
        return {"mask_bytes": masks, "share": shares}

    @tf.function(input_signature=[tf.TensorSpec((1,), tf.string, name="image_bytes")])
    def probabilities(self, image_bytes):
        image, size = self.reader.read(image_bytes[0])
        return {"probabilities": resize_nearest(self.model.probabilities(image), size)[None]}

    def _mask(self, file):
        image, size = self.reader.read(file)
        ids = tf.argmax(self.model.probabilities(image), axis=2, output_type=tf.int32)
        ids = resize_nearest(ids, size)
        counts = tf.math.bincount(
            tf.reshape(ids, [-1]), minlength=self.classes, maxlength=self.classes
        )
        share = tf.cast(counts / tf.reduce_prod(size), tf.float32)
        return self.png.encode(tf.cast(ids, tf.uint8)), tf.ensure_shape(share, (self.classes,))


def sizes(spec: DataSpec, assets: Path) -> dict[str, dict[str, int]]:
    """{input: its limits in signature.json}. A larger image is refused."""
    return {"image_bytes": {"max_pixels": AnySizeReader.load(assets / READER_FILE).max_pixels}}


def endpoints(model, spec: DataSpec, assets: Path, decision: DecisionRule):
    """(module to save, {signature name: function})."""
    return _endpoints(TiledModel(model), spec, assets)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """The same of a forest on features of pixels."""
    return _endpoints(GraphPixelForest(estimator.forest), spec, assets)


def _endpoints(model: PixelModel, spec: DataSpec, assets: Path):
    module = Segmenter(model, spec, assets)
    return module, {
        "serving_default": module.segment, "probabilities": module.probabilities
    }  # fmt: skip


def outputs(answer: dict[str, np.ndarray], spec: DataSpec) -> Outputs:
    """The endpoint's masks, by their palette indices."""
    masks = []
    for data in answer["mask_bytes"]:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            masks.append(np.asarray(image))
    return Outputs(masks)
