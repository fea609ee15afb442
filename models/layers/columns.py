"""Columns of a series as rows of a batch, so that all of them share a network's weights.

Shapes: B rows, H steps, C columns, S steps a segment, N values forecast for a column.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("models")
class Segments(keras.layers.Layer):
    """(B, H, C) -> (B * C, H // S, S): each column by itself, cut into segments of S steps.

    What does not fill a segment is left out at the beginning, the oldest.
    """

    def __init__(self, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, history):
        by_column = ops.transpose(history, (0, 2, 1))
        count = by_column.shape[2] // self.steps
        recent = by_column[:, :, by_column.shape[2] - count * self.steps :]
        return ops.reshape(recent, (-1, count, self.steps))

    def compute_output_shape(self, shape):
        return (None, shape[1] // self.steps, self.steps)

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


@keras.saving.register_keras_serializable("models")
class Together(keras.layers.Layer):
    """(B * C, N) -> (B, C, N): what was said of each column, side by side again."""

    def __init__(self, columns: int, **kwargs):
        super().__init__(**kwargs)
        self.columns = columns

    def call(self, said):
        return ops.reshape(said, (-1, self.columns, said.shape[-1]))

    def compute_output_shape(self, shape):
        return (None, self.columns, shape[-1])

    def get_config(self):
        return {**super().get_config(), "columns": self.columns}
