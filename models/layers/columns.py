"""Columns of a series as rows of a batch, so that all of them share a network's weights.

Shapes: B rows, H steps, C columns, S steps a segment, N values forecast for a column,
M segments of a future, U units.

Reference: Lin, Lin, Wu, Chen and Zhou, "SegRNN: Segment Recurrent Neural Network for Long-Term Time
Series Forecasting", 2023.
"""

import keras
from keras import layers, ops


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


@keras.saving.register_keras_serializable("models")
class StatesAhead(keras.layers.Layer):
    """(B * C, U) state after the history -> (B * C, M, U), one for each segment of the future.

    SegRNN's decoder: one step of a GRU from the same state to every segment at once, whose input is
    learned: half of it for which segment it is, half for which column. As state and input meet only
    in the gates, each is multiplied by its matrix once, not once for every pair.
    """

    def __init__(self, segments: int, columns: int, **kwargs):
        super().__init__(**kwargs)
        self.segments, self.columns = segments, columns

    def build(self, shape):
        units = shape[-1]
        when, which = units // 2, units - units // 2
        self.segment = self.add_weight(shape=(self.segments, when), name="segment")
        self.column = self.add_weight(shape=(self.columns, which), name="column")
        self.of_input = layers.Dense(3 * units, name="of_input")
        self.of_state = layers.Dense(3 * units, kernel_initializer="orthogonal", name="of_state")
        self.of_input.build((None, units))
        self.of_state.build((None, units))

    def call(self, state):
        units = state.shape[-1]
        when = ops.repeat(self.segment[None], self.columns, axis=0)
        which = ops.repeat(self.column[:, None], self.segments, axis=1)
        inputs = self.of_input(ops.concatenate([when, which], axis=-1))
        before = ops.reshape(state, (-1, self.columns, 1, units))
        update, reset, new = ops.split(inputs, 3, axis=-1)
        kept, forgotten, old = ops.split(self.of_state(before), 3, axis=-1)
        keep = ops.sigmoid(update + kept)
        candidate = ops.tanh(new + ops.sigmoid(reset + forgotten) * old)
        after = keep * before + (1 - keep) * candidate
        return ops.reshape(after, (-1, self.segments, units))

    def compute_output_shape(self, shape):
        return (None, self.segments, shape[-1])

    def get_config(self):
        return {**super().get_config(), "segments": self.segments, "columns": self.columns}
