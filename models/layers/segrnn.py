"""Layers of SegRNN: a recurrent network over segments, with weights that all channels share.

Channel independence: the C channels (columns) of a series become C rows of the batch. The network
never mixes channels, and each window gives it C training examples.
Reference: Lin et al., "SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
Forecasting", 2023, https://arxiv.org/abs/2308.11200.
Shapes: B rows, H steps of history, C channels, S steps a segment, M segments of the future,
U units.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("models")
class Segments(keras.layers.Layer):
    """(B, H, C) -> (B * C, H // S, S): each channel as a row, cut into segments of S steps.

    The oldest H % S steps are dropped.

    Args:
        steps: S, length of a segment.
    """

    def __init__(self, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, history):
        by_channel = ops.transpose(history, (0, 2, 1))  # (B, C, H)
        count = by_channel.shape[2] // self.steps
        recent = by_channel[:, :, by_channel.shape[2] - count * self.steps :]
        return ops.reshape(recent, (-1, count, self.steps))

    def compute_output_shape(self, shape):
        return (None, shape[1] // self.steps, self.steps)

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


@keras.saving.register_keras_serializable("models")
class MergeChannels(keras.layers.Layer):
    """(B * C, N) -> (B, C, N): undoes the channel independence of `Segments`.

    Args:
        channels: C.
    """

    def __init__(self, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, rows):
        return ops.reshape(rows, (-1, self.channels, rows.shape[-1]))

    def compute_output_shape(self, shape):
        return (None, self.channels, shape[-1])

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable("models")
class ParallelDecoderStates(keras.layers.Layer):
    """(B * C, U) encoder states -> (B * C, M, U): a decoder state for each segment of the future.

    SegRNN's parallel multi-step decoding. From the same encoder state h, one GRU step is made for
    every segment m and channel c. Its input is a learned embedding, x = [segment_m, channel_c]:

        z  = sigmoid(W_z x + U_z h)                 update gate
        r  = sigmoid(W_r x + U_r h)                 reset gate
        h~ = tanh(W_h x + r * (U_h h))              candidate
        h' = z * h + (1 - z) * h~

    The biases are left out here. W x and U h meet only in sums, so W is applied once for each
    (m, c) and U once for each row, instead of once for each pair of these.

    Args:
        segments: M, number of segments to forecast.
        channels: C, number of channels of the series.
    """

    def __init__(self, segments: int, channels: int, **kwargs):
        super().__init__(**kwargs)
        self.segments, self.channels = segments, channels

    def build(self, shape):
        units = shape[-1]
        self.segment = self.add_weight(shape=(self.segments, units // 2), name="segment")
        self.channel = self.add_weight(shape=(self.channels, units - units // 2), name="channel")
        self.input_gates = layers.Dense(3 * units, name="input_gates")
        self.state_gates = layers.Dense(
            3 * units, kernel_initializer="orthogonal", name="state_gates"
        )
        self.input_gates.build((None, units))
        self.state_gates.build((None, units))

    def call(self, state):
        units = state.shape[-1]
        segment = ops.repeat(self.segment[None], self.channels, axis=0)  # (C, M, U / 2)
        channel = ops.repeat(self.channel[:, None], self.segments, axis=1)  # (C, M, U / 2)
        inputs = self.input_gates(ops.concatenate([segment, channel], axis=-1))  # (C, M, 3 U)
        state = ops.reshape(state, (-1, self.channels, 1, units))  # (B, C, 1, U)
        input_update, input_reset, input_candidate = ops.split(inputs, 3, axis=-1)
        state_update, state_reset, state_candidate = ops.split(self.state_gates(state), 3, axis=-1)
        update = ops.sigmoid(input_update + state_update)  # (B, C, M, U)
        reset = ops.sigmoid(input_reset + state_reset)
        candidate = ops.tanh(input_candidate + reset * state_candidate)
        new_state = update * state + (1 - update) * candidate
        return ops.reshape(new_state, (-1, self.segments, units))

    def compute_output_shape(self, shape):
        return (None, self.segments, shape[-1])

    def get_config(self):
        return {**super().get_config(), "segments": self.segments, "channels": self.channels}
