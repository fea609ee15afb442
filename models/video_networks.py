"""Networks of short movies: a CNN reads each frame, and a recurrent network reads the frames.

A batch of movies is a tensor of order 5, (B, T, H, W, C).
"""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

from models.layers.sequence_inputs import MEMORY
from pipelines.spec import DataSpec


def frame_cnn_gru(
    spec: DataSpec,
    *,
    filters: Sequence[int] = (8, 16),
    kernel_size: int = 3,
    frame_units: int = 32,
    pooling: Literal["gru", "mean"] = "gru",
    units: int = 32,
    dropout: float = 0.2,
) -> keras.Model:
    """The same CNN for all frames, then a GRU over its vectors: LRCN (Donahue et al. 2015).

        v_t = relu(W flatten(CNN(x_t)) + b)     of each frame alone, with the same weights
        h_t = GRU(v_t, h_(t-1))                 from the first frame to the last
        logits = A h_T + c                      many to one: one answer for all frames

    With `pooling: mean`, v = (v_1 + ... + v_T) / T is in the place of h_T: a bag of frames, whose
    answer does not depend on their order, so it cannot tell left from right.

    Time is folded into the batch while frames are read: what `keras.layers.TimeDistributed` does,
    in less than half of its time on a CPU.

    Input: frames (B, T, H, W, C) uint8, T as in the spec. Output: (B, outputs) logits.

    Reference: "Long-term Recurrent Convolutional Networks for Visual Recognition and Description",
    https://arxiv.org/abs/1411.4389. Differs from it: a small CNN that is trained from the
    beginning, where they take one trained on ImageNet; a GRU, where they have an LSTM; one answer
    from the last state, where they average those of all frames.

    Args:
        spec: of a data set of movies.
        filters: of each convolution, which 2 x 2 max pooling follows.
        kernel_size: side of the filters.
        frame_units: size of a frame's vector.
        pooling: what becomes of the vectors: gru, or mean.
        units: size of the GRU's state.
        dropout: rate on the frames' vectors and on the input of the logits.
    """
    ((name, field),) = spec.inputs.items()
    movies = keras.Input(field.shape, dtype=field.dtype, name=name)
    frames, *image = field.shape
    x = keras.ops.reshape(movies, (-1, *image))  # (B T, H, W, C): each frame is an image of its own
    x = layers.Rescaling(1 / 255, name="scale")(x)
    for number, count in enumerate(filters, start=1):
        x = layers.Conv2D(
            count, kernel_size, padding="same", activation="relu", name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)
    x = layers.Dense(frame_units, activation="relu", name="frame_vectors")(layers.Flatten()(x))
    vectors = keras.ops.reshape(x, (-1, frames, frame_units))  # (B, T, v)
    vectors = layers.Dropout(dropout, name="dropout_frames")(vectors)
    if pooling == "gru":
        x = layers.GRU(units, name=MEMORY)(vectors)  # (B, units)
    else:
        x = layers.GlobalAveragePooling1D(name="mean_over_time")(vectors)  # (B, frame_units)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(spec.outputs, name="logits")(x)
    return keras.Model({name: movies}, logits, name="frame_cnn_gru")
