"""Random mirror images and quarter turns for segmentation: the image is moved, the prediction back.

A mask must move with its image. Here the mask stays, and what the network predicts for the moved
image is moved back before it is compared: the same loss, exactly, and no mask is ever resampled.
"""

import keras
from keras import ops

from pipelines.config.errors import UserError, one_of

SYMMETRIES = ("none", "flip", "square")


@keras.saving.register_keras_serializable("models")
class RandomSymmetry(keras.layers.Layer):
    """(B, H, W, C) images -> the moved images, and (B, 3) bool how each was moved.

    At inference nothing is moved.

    Args:
        symmetry: "flip" mirrors left to right; "square" draws one of the eight symmetries of the
            square, which needs square tiles.
    """

    def __init__(self, symmetry: str = "square", **kwargs):
        super().__init__(**kwargs)
        self.symmetry = symmetry
        self.seeds = keras.random.SeedGenerator()

    def call(self, images, training=False):
        rows = ops.shape(images)[0]
        if not training:
            return images, ops.zeros((rows, 3), "bool")
        moves = keras.random.uniform((rows, 3), seed=self.seeds) < 0.5
        if self.symmetry == "flip":
            moves = ops.logical_and(moves, ops.convert_to_tensor([[True, False, False]]))
        return _move(images, moves, (0, 1, 2) if self.symmetry == "square" else (0,)), moves

    def compute_output_shape(self, shape):
        return shape, (shape[0], 3)

    def compute_output_spec(self, images, training=False):
        moves = keras.KerasTensor((images.shape[0], 3), "bool")
        return keras.KerasTensor(images.shape, images.dtype), moves

    def get_config(self):
        return {**super().get_config(), "symmetry": self.symmetry}


@keras.saving.register_keras_serializable("models")
class UndoSymmetry(keras.layers.Layer):
    """[(B, H, W, C) predictions, (B, 3) bool] -> predictions of the image as it was.

    Args:
        symmetry: as of the `RandomSymmetry` that moved the images.
    """

    def __init__(self, symmetry: str = "square", **kwargs):
        super().__init__(**kwargs)
        self.symmetry = symmetry

    def call(self, inputs, training=False):
        predictions, moves = inputs
        if not training:
            return predictions
        return _move(predictions, moves, (2, 1, 0) if self.symmetry == "square" else (0,))

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "symmetry": self.symmetry}


def _move(images, moves, order):
    """(B, H, W, C) mirrored left to right, top to bottom, and along the diagonal, where `moves`
    says so; each is its own inverse, so that the reverse order undoes them."""
    moved = (
        lambda x: ops.flip(x, axis=2),
        lambda x: ops.flip(x, axis=1),
        lambda x: ops.transpose(x, (0, 2, 1, 3)),
    )
    for place in order:
        images = ops.where(moves[:, place, None, None, None], moved[place](images), images)
    return images


def check_symmetry(symmetry: str) -> None:
    """Raises a UserError for a symmetry that does not exist."""
    if symmetry not in SYMMETRIES:
        raise UserError(
            "symmetry-unknown", f"no such symmetry; {one_of(symmetry, SYMMETRIES)}",
            key="build.symmetry", value=symmetry,
        )  # fmt: skip
