"""A linear map from the history to the forecast.

References: Zeng, Chen, Zhang and Xu, "Are Transformers Effective for Time Series Forecasting?",
AAAI 2023, https://arxiv.org/abs/2205.13504; Toner and Darlow, "An Analysis of Linear Time Series
Forecasting Models", ICML 2024, https://arxiv.org/abs/2403.14587.
"""

import keras
from keras import layers

from models.layers.standardization import denormalize, standardize
from pipelines.spec import DataSpec


def linear_forecaster(
    spec: DataSpec, *, dropout: float = 0.0, remove_mean: bool = True
) -> keras.Model:
    """Every step of the forecast is a weighted sum of the history, after Zeng et al. 2023.

    For each column x (H values) the forecast is y = W x + b, with W of (F, H); all columns share W
    and b (channel independence). With the squared error the best W and b have a closed form, the
    ridge baseline, so it can be measured how near gradient descent comes to it.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.

    Differs from the paper: the window's mean is removed instead of its last value; quantiles.

    Args:
        spec: of a forecasting data set.
        dropout: rate on the history's steps.
        remove_mean: forecast deviations from the window's mean, see layers/standardization.py.
    """
    columns, quantiles = (
        len(spec.task_metadata["columns"]),
        len(spec.task_metadata["quantiles"]) or 1,
    )
    horizon = spec.task_metadata["horizon_steps"]
    inputs, x, level = standardize(spec, remove_mean)  # (B, H, C)
    x = layers.Dropout(dropout)(layers.Permute((2, 1))(x))  # (B, C, H)
    x = layers.Dense(horizon * quantiles, name="outputs")(x)  # (B, C, F * Q)
    x = layers.Reshape((columns, horizon, quantiles))(x)
    x = layers.Flatten()(layers.Permute((2, 1, 3))(x))  # (B, F * C * Q)
    return keras.Model(inputs, denormalize(spec, x, level), name="linear_forecaster")
