"""Autoencoders of windows: detectors by what cannot be reconstructed from a few numbers.

A window is encoded to a code that is smaller than it and decoded again. Trained on normal windows
alone, a network learns to reconstruct those; what it has not learned comes back wrong. A reading is
judged as the last one of its window, so no later reading takes part.

Input of all: history (B, T, C). Output: reconstructed readings (B, T, C), physical units.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.lstm import LSTM
from models.layers.robust_scaling import scale, unscale
from pipelines.config.errors import UserError
from pipelines.spec import DataSpec


def lstm_autoencoder(spec: DataSpec, *, units: int = 32, code_dim: int = 16) -> keras.Model:
    """An LSTM encodes the window, another one decodes it (Malhotra et al. 2016, EncDec-AD).

    The last state of the encoder, made smaller, is given to every step of the decoder.

    Differs from the paper: the decoder reads the code instead of its own last output, and
    reconstructs forwards in time.

    Reference: "LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection",
    https://arxiv.org/abs/1607.00148.

    Args:
        spec: of a data set of anomaly detection.
        units: size of the states.
        code_dim: size of the code.
    """
    inputs, x = scale(spec)
    steps = spec.inputs["history"].shape[0]
    code = layers.Dense(code_dim, name="code")(LSTM(units, name="encoder")(x))
    x = layers.RepeatVector(steps, name="every_step")(code)  # (B, T, code)
    x = LSTM(units, return_sequences=True, name="decoder")(x)
    return _model(spec, inputs, x, "lstm_autoencoder")


def conv_autoencoder(
    spec: DataSpec, *, filters: Sequence[int] = (32, 16), kernel_size: int = 7,
    dropout: float = 0.0,
) -> keras.Model:  # fmt: skip
    """Convolutions with stride 2 encode the window, transposed ones decode it.

    Each layer halves the steps; the code is (B, T / 2^depth, filters[-1]).

    Reference: Keras's example "Timeseries anomaly detection using an Autoencoder",
    https://keras.io/examples/timeseries/timeseries_anomaly_detection/. Differs from it: the score
    is that of the last reading; there the readings of a whole window are judged together, and the
    last ones of a series never.

    Args:
        spec: of a data set of anomaly detection.
        filters: of each layer of the encoder; the decoder has them in reverse.
        kernel_size: taps of every filter.
        dropout: rate after each layer of the encoder.

    Raises:
        UserError: the steps cannot be halved so often.
    """
    steps = spec.inputs["history"].shape[0]
    if steps % 2 ** len(filters):
        raise UserError(
            "steps-not-divisible",
            f"{len(filters)} layers halve the steps each, and history_steps {steps} is not a "
            f"multiple of {2 ** len(filters)}; change it, or give fewer filters",
            key="build.filters", value=list(filters),
        )  # fmt: skip
    inputs, x = scale(spec)
    for number, size in enumerate(filters):
        x = layers.Conv1D(
            size, kernel_size, strides=2, padding="same", activation="relu", name=f"encode{number}"
        )(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    for number, size in enumerate(reversed(filters)):
        x = layers.Conv1DTranspose(
            size, kernel_size, strides=2, padding="same", activation="relu", name=f"decode{number}"
        )(x)
    return _model(spec, inputs, x, "conv_autoencoder")


def _model(spec: DataSpec, inputs: dict, x, name: str) -> keras.Model:
    readings = layers.Dense(spec.outputs, name="readings")(x)  # (B, T, C)
    return keras.Model(inputs, unscale(spec, readings), name=name)
