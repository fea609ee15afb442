"""A captioner as beam search sees it: images in, one token after the other out."""

import keras

from models.captioning import CAPTIONER, CELLS
from pipelines.preparation.image_captions import IMAGE


class ImageDecoder:
    """The encoder of a model of models/captioning.py, and the decoder behind it.

    Args:
        model: with layers of these names.
    """

    def __init__(self, model: keras.Model):
        (images,) = (tensor for tensor in model.inputs if tensor.name == IMAGE)
        self.cells = keras.Model(images, model.get_layer(CELLS).output)
        self.captioner = model.get_layer(CAPTIONER)

    def start(self, images, length: int) -> dict:
        """(B, H, W, C) images -> the state before the first token."""
        return self.captioner.start(self.cells(images, training=False), length)

    def step(self, ids, index, state: dict) -> tuple:
        """(B,) ids -> (B, V) logits of the next, and the new state."""
        return self.captioner.step(ids, index, state)

    def attention(self, images, ids):
        """(B, T, S): the share of each cell when the token after each id is chosen."""
        return self.captioner.attention(self.cells(images, training=False), ids)
