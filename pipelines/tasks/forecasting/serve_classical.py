"""The served graph of a classical forecaster: `models.classical.forecasters` in TensorFlow.

Computed in double precision, like the numpy functions of `pipelines.classical` that it repeats, and
answered in float32. Shapes: B windows, h steps of history, f steps of the future, c columns, m
steps of a season, q quantiles.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.classical.forecast_methods import Naive, RidgeMaps, WindowSmoothing
from pipelines.spec import DataSpec


class ClassicalForecaster(tf.Module):
    """The served graph and what it needs: saved together.

    `history` (B, history_steps, columns) float32, oldest first, and, of data with them,
    `known_covariates` (B, history_steps + horizon_steps, covariates) -> `forecast` (B,
    horizon_steps, columns) and, with quantile levels, `quantiles` (B, horizon_steps, columns,
    levels). NaN or infinity in a row makes that row's forecast NaN and no other's.
    """

    def __init__(self, estimator, spec: DataSpec):
        super().__init__()
        self.method = graph_method(estimator.best.method)
        offsets = estimator.best.offsets
        self.offsets = _variable(offsets) if offsets.shape[2] else None
        signature = input_signature(spec)
        if len(signature) == 2:
            self.effects = _variable(estimator.best.effects)  # (k, c)
        function = self._forecast if len(signature) == 2 else self._forecast_alone
        self.forecast = tf.function(function, input_signature=signature)

    def _forecast_alone(self, history):
        return self._forecast(history, None)

    def _forecast(self, history, known_covariates):
        values, ahead = tf.cast(history, tf.float64), tf.constant(0, tf.float64)
        usable = _all_finite(values)
        if known_covariates is not None:
            effects = tf.cast(known_covariates, tf.float64) @ self.effects  # (B, h + f, c)
            usable &= _all_finite(effects)
            values, ahead = values - effects[:, : values.shape[1]], effects[:, values.shape[1] :]
        forecast = tf.where(usable, self.method(values) + ahead, np.nan)  # (B, f, c)
        answer = {"forecast": tf.cast(forecast, tf.float32)}
        if self.offsets is not None:
            answer["quantiles"] = tf.cast(forecast[..., None] + self.offsets, tf.float32)
        return answer


def input_signature(spec: DataSpec) -> list[tf.TensorSpec]:
    """Of a forecaster: `history`, and `known_covariates` where the data has them."""
    return [
        tf.TensorSpec((None, *field.shape), tf.float32, name=name)
        for name, field in spec.inputs.items()
    ]


def graph_method(method) -> tf.Module:
    """The fitted method's counterpart: (B, h, c) -> (B, f, c), float64."""
    for kind, counterpart in COUNTERPARTS.items():
        if isinstance(method, kind):
            return counterpart(method)
    raise TypeError(f"no graph for {type(method).__name__}")


class GraphNaive(tf.Module):
    """`naive_forecasts` in the graph."""

    def __init__(self, method: Naive):
        super().__init__()
        self.kind, self.horizon, self.season = method.name, method.horizon, method.season

    def __call__(self, history):
        if self.kind == "persistence":
            return tf.repeat(history[:, -1:], self.horizon, axis=1)
        season = self._mean_profile if self.kind == "mean_profile" else self._last_season
        forecast = tf.gather(season(history), np.arange(self.horizon) % self.season, axis=1)
        return forecast * self._growth(history) if self.kind == "seasonal_growth" else forecast

    def _last_season(self, history):
        return history[:, -self.season :]  # (B, m, c)

    def _mean_profile(self, history):
        steps, columns = history.shape[1:]
        whole = history[:, steps - steps // self.season * self.season :]
        return tf.reduce_mean(
            tf.reshape(whole, (-1, steps // self.season, self.season, columns)), 1
        )

    def _growth(self, history):
        last, before = history[:, -1:], history[:, -1 - self.season : -self.season]  # (B, 1, c)
        return tf.where((last > 0) & (before > 0), last / before, 1.0)


class GraphRidge(tf.Module):
    """`Ridge` in the graph."""

    def __init__(self, method: RidgeMaps):
        super().__init__()
        self.maps, self.of_column = _variable(method.maps), method.of_column

    def __call__(self, history):
        values, level = _centred(history)
        maps = tf.gather(self.maps, self.of_column)  # (c, 1 + h, f)
        return tf.transpose(values @ maps[:, 1:] + maps[:, :1], (1, 2, 0)) + level


class GraphSmoothing(tf.Module):
    """`WindowMaps` in the graph."""

    def __init__(self, method: WindowSmoothing):
        super().__init__()
        maps = method.maps
        self.maps, self.losses = _variable(maps.forecast), _variable(maps.losses)
        self.constants, self.rotations = _variable(maps.constants), _variable(maps.rotations)

    def __call__(self, history):
        values, level = _centred(history)
        losses = values @ self.losses + self.constants[:, None]  # (c, B, m)
        season = tf.gather(self.rotations, tf.argmin(losses, axis=2), batch_dims=1)  # (c, B, f)
        return tf.transpose(values @ self.maps + season, (1, 2, 0)) + level


COUNTERPARTS = {Naive: GraphNaive, RidgeMaps: GraphRidge, WindowSmoothing: GraphSmoothing}


def _all_finite(values):
    """(B, 1, 1), of (B, steps, columns)."""
    return tf.reduce_all(tf.math.is_finite(values), axis=(1, 2), keepdims=True)


def _centred(history):
    """(deviations from the window's mean (c, B, h), means (B, 1, c))."""
    level = tf.reduce_mean(history, axis=1, keepdims=True)
    return tf.transpose(history - level, (2, 0, 1)), level


def _variable(values: np.ndarray) -> tf.Variable:
    """In the checkpoint of the SavedModel: constants of a graph may have 2 GB in all."""
    return tf.Variable(np.asarray(values), trainable=False)


def estimator_endpoints(estimator, spec: DataSpec, assets: Path):
    """(module to save, {signature name: function})."""
    module = ClassicalForecaster(estimator, spec)
    return module, {"serving_default": module.forecast}
