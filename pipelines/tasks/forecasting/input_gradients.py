"""Gradients of a forecast with respect to each step of its history: vanishing or exploding."""

from collections.abc import Mapping

import keras
import numpy as np

from models.layers.standardization import NETWORK_INPUT, NETWORK_OUTPUT

ROWS, PROBES = 64, 8


def through_time(model: keras.Model, inputs: Mapping[str, np.ndarray], seed: int = 0) -> np.ndarray:
    """(h,) root mean square over windows of the norm of d forecast / d history at each step.

    The derivative is of the network alone, between its standardized input and output: the window's
    mean, which is added at both ends, is the same for every model and would hide a vanishing
    gradient. The norm is Frobenius's over forecast steps and columns, estimated by random
    projections: |J|^2 = E |vJ|^2 for v of independent signs (Hutchinson 1990,
    https://doi.org/10.1080/03610919008812866).

    Args:
        model: a forecaster with the layers of `models.layers.standardization`.
        inputs: of the model, by name; of n windows 64 evenly spaced ones are taken.
        seed: of the projections.
    """
    import tensorflow as tf  # gradients with respect to inputs; scoring runs on this backend alone

    inner = keras.Model(
        model.get_layer(NETWORK_INPUT).output, model.get_layer(NETWORK_OUTPUT).output
    )
    count = len(inputs["history"])
    rows = np.unique(np.linspace(0, count - 1, ROWS).round().astype(int))
    tensors = {tensor.name: tensor for tensor in model.inputs}
    outer = keras.Model(tensors, model.get_layer(NETWORK_INPUT).output)
    standardized = outer({name: np.asarray(inputs[name])[rows] for name in tensors})
    rng, total = np.random.default_rng(seed), 0.0
    for _ in range(PROBES):
        with tf.GradientTape() as tape:
            tape.watch(standardized)
            forecast = inner(standardized, training=False)
            signs = rng.choice([-1.0, 1.0], size=forecast.shape).astype(np.float32)
            probe = tf.reduce_sum(forecast * signs)
        total = total + np.square(tape.gradient(probe, standardized).numpy()).sum(axis=2)
    return np.sqrt(np.mean(total / PROBES, axis=0))
