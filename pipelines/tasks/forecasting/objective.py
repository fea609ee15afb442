"""What training minimises: squared error, or the pinball loss where quantiles are asked for."""

import keras
import numpy as np
from keras import ops

from models.layers.standardization import RIDGE
from pipelines.classical.ridge import rolling_origin
from pipelines.inference.decision import DecisionRule
from pipelines.spec import DataSpec
from pipelines.training.monitor import Monitor

MONITOR = Monitor("val/loss")
SOLVED_WINDOWS = 10_000  # neighbours are nearly the same: more take longer and say little more


@keras.saving.register_keras_serializable("pipelines")
class ForecastLoss(keras.losses.Loss):
    """Of columns divided by `std`, so that no unit outweighs another.

    y_true: (B, F, C). y_pred: (B, F, C), or (B, F, C, Q) with `levels`; physical units. Pinball
    (Koenker and Bassett 1978): an answer too low costs `level`, one too high 1 - `level`.
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
    """Mean absolute error of the forecast (the median, with quantiles), in deviations of train."""

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
    """Solves for the weights of a frozen linear map, layer "ridge", where a model has one.

    As in the ridge baseline, but fitted on train alone: gradients that start from there need not
    find what a closed form knows.
    """
    found = [layer for layer in model.layers if layer.name == RIDGE and not layer.trainable]
    if not found:
        return
    every = -(-len(train["history"]) // SOLVED_WINDOWS)
    chosen = rolling_origin.choose(train, val, spec, every)
    print(f"ridge: {chosen}")
    std, weights = np.array(spec.task_metadata["std"]), chosen.fit().weights
    # Ridge maps physical units, the model deviations; that differs for the constants alone.
    found[0].set_weights([weights[:, 1:], weights[:, 0] / std[:, None]])


def fit_decision_rule(predict, targets, spec: DataSpec) -> DecisionRule:
    """Nothing to decide: the forecast is the answer."""
    return DecisionRule()
