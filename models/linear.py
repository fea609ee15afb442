"""One linear map from the past to the future.

Reference: Zeng, Chen, Zhang and Xu, "Are Transformers Effective for Time Series Forecasting?", AAAI
2023; Toner and Darlow, "An Analysis of Linear Time Series Forecasting Models", ICML 2024.
"""

import keras
from keras import layers

from models.layers.windowed import say, see
from pipelines.spec import DataSpec


def linear_forecaster(
    spec: DataSpec, *, dropout: float = 0.0, remove_mean: bool = True
) -> keras.Model:
    """Every step of the future is a weighted sum of the history; all columns share the weights.

    Input: history (B, H, C). Output: (B, F, C), or (B, F, C, Q) with quantiles; physical units.
    With the squared error its best weights have a closed form, which is the ridge baseline: what
    gradient descent reaches can be compared with it. Differs from the papers: quantiles.
    """
    columns, quantiles = (
        len(spec.task_metadata["columns"]),
        len(spec.task_metadata["quantiles"]) or 1,
    )
    horizon = spec.task_metadata["horizon_steps"]
    inputs, features, level = see(spec, remove_mean)
    by_column = layers.Dropout(dropout)(layers.Permute((2, 1))(features))
    mapped = layers.Dense(horizon * quantiles, name="outputs")(by_column)
    ordered = layers.Permute((2, 1, 3))(layers.Reshape((columns, horizon, quantiles))(mapped))
    return keras.Model(
        inputs, say(spec, layers.Flatten()(ordered), level), name="linear_forecaster"
    )
