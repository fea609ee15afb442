"""Loss and metrics of a forecaster: squared error, or the pinball loss with quantiles."""

import keras
import numpy as np
from keras import ops

from models.layers.standardization import RIDGE
from pipelines.classical.ridge import rolling_origin
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")
MAX_FITTED_WINDOWS = 10_000  # neighbouring windows are nearly equal: more add time, not accuracy


@keras.saving.register_keras_serializable("pipelines")
class ForecastLoss(keras.losses.Loss):
    """Squared error, or pinball loss with `levels`, of columns divided by `std`.

    So no column has a larger weight because of its unit. Pinball loss (Koenker and Bassett 1978):
    a forecast that is too low costs `level`, one that is too high 1 - `level`, a unit.

    Args:
        std: standard deviation of each column in train.
        levels: of the quantiles.

    Call: y_true (B, F, C); y_pred (B, F, C), or (B, F, C, Q) with `levels`; in physical units.
    """

    def __init__(self, std, levels=(), name="forecast_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.std, self.levels = list(std), list(levels)

    def call(self, y_true, y_pred):
        std = ops.convert_to_tensor(self.std, y_pred.dtype)
        if not self.levels:
            return ops.mean(ops.square((y_true - y_pred) / std), axis=(1, 2))
        levels = ops.convert_to_tensor(self.levels, y_pred.dtype)
        below = (ops.expand_dims(y_true, -1) - y_pred) / ops.expand_dims(std, -1)
        return ops.mean(ops.maximum(levels * below, (levels - 1) * below), axis=(1, 2, 3))

    def get_config(self):
        return {**super().get_config(), "std": self.std, "levels": self.levels}


@keras.saving.register_keras_serializable("pipelines")
class ScaledError(keras.metrics.Mean):
    """Mean absolute error of the forecast (with quantiles, of the median), in units of `std`."""

    def __init__(self, std, levels=(), name="scaled_mae", **kwargs):
        super().__init__(name=name, **kwargs)
        self.std, self.levels = list(std), list(levels)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.levels:
            y_pred = y_pred[..., self.levels.index(0.5)]
        std = ops.convert_to_tensor(self.std, y_pred.dtype)
        error = ops.mean(ops.abs(y_true - y_pred) / std, axis=(1, 2))
        return super().update_state(error, sample_weight)

    def get_config(self):
        return {**super().get_config(), "std": self.std, "levels": self.levels}


def loss(spec: DataSpec):
    return ForecastLoss(spec.task_metadata["std"], spec.task_metadata["quantiles"])


def metrics(spec: DataSpec):
    return [ScaledError(spec.task_metadata["std"], spec.task_metadata["quantiles"])]


def fit_closed_form(model: keras.Model, train: dict, val: dict, spec: DataSpec) -> None:
    """Fits the frozen linear layer "ridge", if a model has one, by ridge regression.

    As in the ridge baseline, but on train alone. The rest of the model then only has to learn what
    a linear map cannot represent.
    """
    ridge_layers = [layer for layer in model.layers if layer.name == RIDGE and not layer.trainable]
    if not ridge_layers:
        return
    every = -(-len(train["history"]) // MAX_FITTED_WINDOWS)
    ridge = rolling_origin.choose(train, val, spec, every)
    print(f"ridge: {ridge}")
    std, weights = np.array(spec.task_metadata["std"]), ridge.fit().weights
    # Ridge maps physical units, the layer standardized values: only the intercepts differ.
    ridge_layers[0].set_weights([weights[:, 1:], weights[:, 0] / std[:, None]])


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """The forecast is the prediction: there is nothing to fit."""
    return DecisionRule()
