"""What a U-Net predicts for the images of a split."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.spec import DataSpec
from pipelines.tasks.segmentation.metrics import Outputs, score, weights
from pipelines.tasks.segmentation.tiling import TiledModel

__all__ = ["Outputs", "predict", "score", "weights"]

MAX_NUMBERS = 1 << 26  # probabilities, for figures


def predict(model, columns: dict, spec: DataSpec, decision, assets: Path) -> Outputs:
    """The most probable class of each pixel."""
    (name,) = spec.inputs
    image = tf.TensorSpec((None, None, spec.inputs[name].shape[2]), tf.uint8)
    tiled = tf.function(TiledModel(model).probabilities, input_signature=[image])
    masks, first, count = [], [], 0  # first: for figures
    for pixels in columns[name]:
        probabilities = tiled(tf.constant(pixels)).numpy()
        masks.append(probabilities.argmax(axis=2).astype(np.uint8))
        count += probabilities.size
        if count <= MAX_NUMBERS:
            first.append(probabilities)
    return Outputs(masks, probabilities=first)
