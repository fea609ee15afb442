"""Forecasters of each step of a window from the steps before it: detectors by what they miss.

Where the next reading can be predicted from those before, a reading that cannot is an anomaly; how
unlikely a residual is, is found after training, see pipelines/classical/anomaly/residuals.py. The
networks are many to many and causal: the expected value of step t is computed from steps before t.
They give the change from step t - 1, so a network that has learned nothing gives the reading
before.

Input of all: history (B, T, C). Output: expected readings (B, T, C), physical units; those of the
first step are computed from nothing.
"""

from collections.abc import Sequence

import keras
from keras import layers

from models.layers.causal_conv import covering_dilations, residual_block
from models.layers.lstm import LSTM
from models.layers.robust_scaling import scale, unscale
from pipelines.spec import DataSpec


def lstm_step_forecaster(
    spec: DataSpec, *, units: int = 32, depth: int = 1, dropout: float = 0.0
) -> keras.Model:
    """LSTM that forecasts the next reading at every step (Malhotra et al. 2015, LSTM-AD).

    Differs from the paper: one step ahead instead of several; layers of one size.

    Reference: "Long Short Term Memory Networks for Anomaly Detection in Time Series", ESANN 2015,
    https://www.esann.org/sites/default/files/proceedings/legacy/es2015-56.pdf.

    Args:
        spec: of a data set of anomaly detection.
        units: size of the state.
        depth: number of recurrent layers, each reading the states of the one below.
        dropout: rate after each layer.
    """
    inputs, before = _steps_before(spec)
    x = before
    for number in range(depth):
        x = LSTM(units, return_sequences=True)(x)  # (B, T, units)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    return _model(spec, inputs, before, x, "lstm_step_forecaster")


def tcn_step_forecaster(
    spec: DataSpec, *, filters: int = 32, kernel_size: int = 3,
    dilations: Sequence[int] | None = None, dropout: float = 0.0,
) -> keras.Model:  # fmt: skip
    """Residual blocks of dilated causal convolutions (Bai et al. 2018) at every step.

    Differs from the paper: a forecast at each step, of the change from the reading before.

    Reference: https://arxiv.org/abs/1803.01271.

    Args:
        spec: of a data set of anomaly detection.
        filters: of every convolution.
        kernel_size: taps of every filter.
        dilations: of each block; null takes 1, 2, 4, ... until the history is covered.
        dropout: rate of spatial dropout, which drops whole channels, after each convolution.
    """
    inputs, before = _steps_before(spec)
    x = before
    dilations = dilations or covering_dilations(kernel_size, spec.inputs["history"].shape[0])
    for number, dilation in enumerate(dilations):
        x = residual_block(x, filters, kernel_size, dilation, dropout, f"block{number}")
    return _model(spec, inputs, before, x, "tcn_step_forecaster")


def _steps_before(spec: DataSpec) -> tuple[dict, keras.KerasTensor]:
    """Inputs by name, and (B, T, C) the reading before each step, scaled; the median at first."""
    inputs, x = scale(spec)
    x = layers.ZeroPadding1D((1, 0), name="nothing_before")(x)
    return inputs, layers.Cropping1D((0, 1), name="before")(x)


def _model(spec: DataSpec, inputs: dict, before, x, name: str) -> keras.Model:
    change = layers.Dense(spec.outputs, name="change")(x)  # (B, T, C)
    expected = layers.Add(name="expected")([before, change])
    return keras.Model(inputs, unscale(spec, expected), name=name)
